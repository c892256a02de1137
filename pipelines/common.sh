# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
#
# Read by the scripts beside it: where the plugin and the model are, how an input becomes a source.

# $here: the folder of the script that reads this.
root=$(cd "$here/.." && pwd)
build=${BITMAR_BUILD:-$root/build}

# Uninstalled when there is a build, else GStreamer finds the installed plugin by itself.
if [ -e "$build/gst/libgstbitmar.so" ]; then
  GST_PLUGIN_PATH=$build/gst${GST_PLUGIN_PATH:+:$GST_PLUGIN_PATH}
  LD_LIBRARY_PATH=$build/models${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
  BITMAR_MODEL=${BITMAR_MODEL:-$root/models/weights/bitmar.gguf}
  PATH=$build/pipelines:$PATH
  export GST_PLUGIN_PATH LD_LIBRARY_PATH BITMAR_MODEL PATH
elif ! gst-inspect-1.0 --exists bitmarcaption 2>/dev/null; then
  echo "The plugin is neither built in $build nor installed; run pipelines/setup first." >&2
  exit 1
fi

# The comment at the top of the script is its help.
usage () {
  sed -n '4,/^[^#]/s/^# \{0,1\}//p' "$0"
}

bad_usage () {
  echo "${0##*/}: $1" >&2
  echo "Try ${0##*/} --help." >&2
  exit 2
}

# run INPUT ELEMENT…: gst-launch-1.0 from a file, a camera or an address; Ctrl-C ends with EOS, so that files get finished.
run () {
  input=$1
  shift
  case $input in
    /dev/video*) exec gst-launch-1.0 -q -e v4l2src device="$input" ! decodebin ! "$@" ;;
    *://*) exec gst-launch-1.0 -q -e uridecodebin uri="$input" caps='video/x-raw(ANY)' expose-all-streams=false ! "$@" ;;
  esac
  [ -r "$input" ] || { echo "${0##*/}: $input: no such file, or it can't be read" >&2; exit 1; }
  exec gst-launch-1.0 -q -e filesrc location="$input" ! decodebin caps='video/x-raw(ANY)' expose-all-streams=false ! "$@"
}

# The screen, unless BITMAR_SINK names another sink (tests: fakesink).
sink () {
  if [ -n "${BITMAR_SINK:-}" ]; then
    echo "$BITMAR_SINK"
  elif [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]; then
    echo autovideosink
  else
    echo "${0##*/}: there is no display; write to a file with caption-file --output, or set BITMAR_SINK" >&2
    return 1
  fi
}

# Seconds -> a fraction of frames a second for max-rate.
rate () {
  awk -v s="$1" 'BEGIN { if (s + 0 <= 0) exit 1; printf "1000/%d", s * 1000 + 0.5 }'
}
