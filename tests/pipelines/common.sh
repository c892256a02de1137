# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
#
# Read by the tests beside it. Environment: BITMAR (the tool), CHECK_JSON, BITMAR_MODEL and what GStreamer needs to find the plugin.

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
number=0 failed=0

# ok NAME COMMAND…: one TAP line; the command decides.
ok () {
  name=$1
  shift
  number=$((number + 1))
  if "$@" >"$work/log" 2>&1; then
    echo "ok $number - $name"
  else
    echo "not ok $number - $name"
    sed 's/^/# /' "$work/log"
    failed=1
  fi
}

skip () {
  number=$((number + 1))
  echo "ok $number - $1 # SKIP $2"
}

finish () {
  echo "1..$number"
  exit $failed
}

# status WANTED COMMAND…: it ends with that exit status.
status () {
  wanted=$1
  shift
  got=0
  "$@" || got=$?
  [ "$got" -eq "$wanted" ] || { echo "exit status $got, not $wanted" >&2; return 1; }
}

# picture FILE ENCODER [WIDTH HEIGHT [PATTERN]]
picture () {
  gst-launch-1.0 -q videotestsrc num-buffers=1 pattern="${5:-smpte}" ! "video/x-raw,width=${3:-64},height=${4:-48}" ! \
    videoconvert ! "$2" ! filesink location="$1"
}

# A clip of 4 seconds that changes every second.
clip () {
  gst-launch-1.0 -q concat name=c ! video/x-raw,width=160,height=120,framerate=15/1 ! videoconvert ! jpegenc ! \
    matroskamux ! filesink location="$1" \
    videotestsrc num-buffers=15 pattern=smpte ! video/x-raw,width=160,height=120,framerate=15/1 ! c. \
    videotestsrc num-buffers=15 pattern=ball ! video/x-raw,width=160,height=120,framerate=15/1 ! c. \
    videotestsrc num-buffers=15 pattern=snow ! video/x-raw,width=160,height=120,framerate=15/1 ! c. \
    videotestsrc num-buffers=15 pattern=white ! video/x-raw,width=160,height=120,framerate=15/1 ! c.
}
