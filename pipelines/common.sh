# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
#
# Read by the scripts beside it: where the plugin and the model are, how an input becomes a source.

# $here: the folder of the script that reads this.
root=$(CDPATH='' cd -- "${here:?}/.." && pwd)
build=${BITMAR_BUILD:-$root/build}

# Uninstalled when there is a build, else GStreamer finds the installed plugin by itself.
find_plugin () {
  if [ -e "$build/gst/libgstbitmar.so" ]; then
    GST_PLUGIN_PATH=$build/gst${GST_PLUGIN_PATH:+:$GST_PLUGIN_PATH}
    LD_LIBRARY_PATH=$build/models${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
    BITMAR_MODEL=${BITMAR_MODEL:-$root/models/weights/bitmar.gguf}
    BITMAR_MODULE_PATH=${BITMAR_MODULE_PATH:-$build/ext}
    PATH=$build/pipelines:$PATH
    export GST_PLUGIN_PATH LD_LIBRARY_PATH BITMAR_MODEL BITMAR_MODULE_PATH PATH
  # Not --exists, for which a plugin of version 0.1 isn't there.
  elif ! gst-inspect-1.0 bitmarcaption >/dev/null 2>&1; then
    fail "the plugin is neither built in $build nor installed; run pipelines/setup first"
  fi
}

# The comment at the top of the script is its help.
usage () {
  sed -n '4,/^[^#]/s/^# \{0,1\}//p' "$0"
}

fail () {
  echo "${0##*/}: $1" >&2
  exit 1
}

bad_usage () {
  echo "${0##*/}: $1" >&2
  echo "Try ${0##*/} --help." >&2
  exit 2
}

has () {
  gst-inspect-1.0 --exists "$1"
}

# property NAME VALUE: as gst-launch-1.0 reads it, whatever is in VALUE. (A backslash at its end would quote the quote.)
property () {
  printf '%s="%s"' "$1" "$(printf %s "$2" | sed 's/["\\]/\\&/g; s/\\$/& /')"
}

# caption_properties MIN_CONFIDENCE: of bitmarcaption and bitmarcaptionbin; nothing where it is empty.
caption_properties () {
  [ -n "$1" ] || return 0
  awk -v p="$1" 'BEGIN { exit p !~ /^[0-9]*\.?[0-9]+$/ || p > 1 }' || bad_usage "--min-confidence takes 0 to 1"
  echo "min-confidence=$1"
}

# The address of a file, whatever its name: every byte of it but the slashes in hexadecimal.
file_uri () {
  case $1 in /*) path=$1 ;; *) path=$PWD/$1 ;; esac
  printf 'file://'
  printf %s "$path" | od -An -v -tx1 | tr -d '\n' | sed 's/ 2f/\//g; s/ /%/g'
}

# run INPUT ELEMENT…: gst-launch-1.0 from a file, a camera or an address; Ctrl-C ends with EOS, so that files get finished.
run () {
  find_plugin
  input=$1
  shift
  case $input in
    /dev/video*)
      [ -c "$input" ] || fail "$input: no such camera"
      exec gst-launch-1.0 -q -e v4l2src device="$input" ! decodebin ! "$@" ;;
    rtsp://* | rtsps://* | rtspt://* | rtspu://* | rtsph://*)
      exec gst-launch-1.0 -q -e rtspsrc "$(property location "$input")" latency=200 drop-on-latency=true ! \
        application/x-rtp,media=video ! decodebin ! "$@" ;;
  esac
  if [ -e "$input" ]; then
    [ ! -d "$input" ] || fail "$input: is a folder"
    [ -r "$input" ] || fail "$input: can't be read"
    input=$(file_uri "$input")
  else
    case $input in *://*) ;; *) fail "$input: no such file" ;; esac
  fi
  exec gst-launch-1.0 -q -e uridecodebin "$(property uri "$input")" caps='video/x-raw(ANY)' expose-all-streams=false ! "$@"
}

# print_lines INPUT ELEMENT…: run, for elements that end in fdsink. That begins at the start of a file, over what others have written
# there before it, so it gets a pipe instead. Ctrl-C is for gst-launch-1.0 alone.
print_lines () {
  [ -f /dev/stdout ] || run "$@"
  trap '' INT
  { status=$({ { (run "$@") && status=0 || status=$?; echo "$status" >&4; } | cat >&3; } 4>&1); } 3>&1
  exit "$status"
}

# The screen, unless BITMAR_SINK names another sink and its properties (tests: fakesink).
sink () {
  if [ -n "${BITMAR_SINK:-}" ]; then
    echo "$BITMAR_SINK"
  elif [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]; then
    echo autovideosink
  else
    fail 'there is no display; write to a file with caption-file --output, or set BITMAR_SINK'
  fi
}
