#!/bin/sh
# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
# docs/examples/captions.c and captions.py: the elements in somebody else's pipeline.
set -eu
. "$(dirname "$0")/common.sh"
stage
clip "$work/clip.mkv"
export BITMAR_MODEL_SHIPPED="$BITMAR_MODEL" BITMAR_MODEL="$BITMAR_TINY"

# How many captions there are is up to the weights.
json () { timeout 120 "$work/captions" "file://$work/clip.mkv" >"$work/json" 2>"$work/err" && [ "$(wc -l <"$work/json")" -ge 1 ] && "$CHECK_JSON" + stream:s id:n text:s confidence:n model:s <"$work/json" && [ ! -s "$work/err" ] || { cat "$work/json" "$work/err"; return 1; }; }
# interrupted COMMAND…: a source without end; ^C once there was a caption ends it well.
interrupted () {
  : >"$work/live"
  "$@" testbin://video,pattern=ball >"$work/live" 2>"$work/err" &
  pid=$!
  tries=0
  while [ ! -s "$work/live" ] && [ $tries -lt 600 ]; do sleep 0.1; tries=$((tries + 1)); done
  kill -INT $pid
  # One that does not end is ended after a minute.
  (sleep 60; kill -KILL $pid 2>/dev/null) &
  killer=$!
  ended=0
  wait $pid || ended=$?
  kill $killer 2>/dev/null
  [ $ended -eq 0 ] && [ -s "$work/live" ] || { cat "$work/err"; return 1; }
}
# Python and C see the same captions.
same_captions () {
  sed 's/.*"text":"\(.*\)","confidence":\(0.[0-9]*\).*/\2 \1/' "$work/json" | awk '{ $1 = sprintf("%.2f", $1); print }' >"$work/c"
  sed 's/^yard [0-9.]* s: \([0-9.]*\) sure: \(.*\)$/\1 \2/' "$work/py" >"$work/p"
  same "$work/c" "$work/p"
}
infinite=yes
gst-inspect-1.0 testsrcbin >/dev/null 2>&1 || infinite=''

if pkg-config --exists gstreamer-app-1.0; then
  ok 'captions.c builds with what pkg-config says' compile "$examples/captions.c" gstreamer-app-1.0
  ok '… prints an object of JSON a caption' json
  ok '… tells a source that is missing' fails 'error: source: ' timeout 120 "$work/captions" file:///nowhere.mp4
  ok '… tells a model that is missing' fails 'error: .*no model file' env BITMAR_MODEL=/nowhere timeout 120 "$work/captions" "file://$work/clip.mkv"
  # A shell's background processes ignore ^C unless they ask for it, as these do.
  if [ -n "$infinite" ]; then ok '… ends well by ^C' interrupted "$work/captions"; else skip '… ends well by ^C' 'no testsrcbin'; fi
else
  skip 'captions.c' 'no gstreamer-app-1.0'
fi
if /usr/bin/python3 -c 'import gi; gi.require_version("Gst", "1.0"); from gi.repository import Gst' 2>/dev/null; then
  python () { timeout 120 /usr/bin/python3 "$examples/captions.py" "$@"; }
  shipped () { BITMAR_MODEL="$BITMAR_MODEL_SHIPPED" python "file://$work/clip.mkv" 'any: a picture above 0.0001 below 0.0001' >"$work/py" && grep -q '^yard: any: start$' "$work/py" && grep -q '^yard: any: end$' "$work/py"; }
  like_c () {
    BITMAR_MODEL="$BITMAR_MODEL_SHIPPED" timeout 120 "$work/captions" "file://$work/clip.mkv" >"$work/json" && BITMAR_MODEL="$BITMAR_MODEL_SHIPPED" python "file://$work/clip.mkv" >"$work/py" \
      && same_captions
  }
  ok 'captions.py prints captions' says '^yard 0.0 s: [01]\.[0-9]* sure: ' python "file://$work/clip.mkv"
  ok '… and alerts, with the shipped model' shipped
  if [ -e "$work/captions" ]; then ok '… the captions of captions.c' like_c; fi
  ok '… tells a source that is missing' fails 'captions.py: source: ' python file:///nowhere.mp4
  if [ -n "$infinite" ]; then ok '… ends well by ^C' interrupted /usr/bin/python3 "$examples/captions.py"; else skip '… ends well by ^C' 'no testsrcbin'; fi
else
  skip 'captions.py' 'no python3-gi, or no gir1.2-gstreamer-1.0'
fi
finish
