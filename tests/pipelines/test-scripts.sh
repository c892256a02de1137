#!/bin/sh
# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Every script of pipelines/ on a clip of our own making, without a screen.
set -u
. "$(dirname "$0")/common.sh"
scripts=$(cd "$(dirname "$0")/../../pipelines" && pwd)
unset DISPLAY WAYLAND_DISPLAY
clip "$work/a clip.mkv"
clip=$work/a\ clip.mkv
json_members='version:n stream:s id:n utc:0s pts:n running_time:n text:s confidence:n novelty:n slot:n repeat:b model:s'

# frames FILE: how many frames it has.
frames () {
  gst-launch-1.0 -v filesrc location="$1" ! decodebin ! fakesink silent=false | grep -c 'last-message = chain'
}
written () {
  "$scripts/caption-file" --interval 0.5 --prompt 'a dog' --output "$1" "$clip" && [ "$(frames "$1")" -eq 60 ]
}
for kind in mp4 mkv webm; do
  encoder=openh264enc
  [ $kind = webm ] && encoder=vp8enc
  if gst-inspect-1.0 --exists $encoder; then
    ok "caption-file writes $kind" written "$work/out.$kind"
  else
    skip "caption-file writes $kind" "no $encoder"
  fi
done
ok 'caption-file shows' env BITMAR_SINK=fakesink "$scripts/caption-file" "$clip"
ok 'caption-file takes an address' env BITMAR_SINK=fakesink "$scripts/caption-file" "file://$work/a%20clip.mkv"
ok 'no display is told' sh -c '! "$1" "$2" 2>&1 | grep -q "no display" && exit 1; exit 0' - "$scripts/caption-file" "$clip"

vtt () {
  "$scripts/caption-subtitles" "$clip" > "$work/o.vtt" && head -n 1 "$work/o.vtt" | grep -q '^WEBVTT' &&
    [ "$(grep -c -- ' --> ' "$work/o.vtt")" -ge 2 ] && grep -- ' --> ' "$work/o.vtt" | sort -c
}
ok 'caption-subtitles prints WebVTT' vtt
srt () {
  "$scripts/caption-subtitles" --output "$work/o.srt" "$clip" && head -n 1 "$work/o.srt" | grep -q '^1' &&
    grep -q '^00:00:0[0-9],[0-9]* --> 00:00:0[0-9],[0-9]*' "$work/o.srt"
}
ok 'caption-subtitles writes SubRip' srt
json () {
  # shellcheck disable=SC2086 # the members are several words
  "$scripts/caption-json" --stream 'front door' "$clip" > "$work/o.json" && "$CHECK_JSON" + $json_members < "$work/o.json" &&
    grep -q '"stream":"front door"' "$work/o.json"
}
ok 'caption-json' json

ok 'caption-camera' env BITMAR_SINK=fakesink BITMAR_CAMERA='videotestsrc is-live=true num-buffers=20' "$scripts/caption-camera"
ok 'no camera is told' status 1 env BITMAR_SINK=fakesink "$scripts/caption-camera" /dev/video99

if [ -n "${RTSP_SERVER:-}" ]; then
  "$RTSP_SERVER" "$work/address" &
  server=$!
  until [ -s "$work/address" ] || ! kill -0 $server 2>/dev/null; do sleep 0.1; done
  rtsp_json () {
    # shellcheck disable=SC2086 # the members are several words
    "$scripts/caption-rtsp" --json "$(cat "$work/address")" > "$work/o.json" && "$CHECK_JSON" + $json_members < "$work/o.json"
  }
  ok 'caption-rtsp as JSON' rtsp_json
  ok 'caption-rtsp shows' env BITMAR_SINK=fakesink "$scripts/caption-rtsp" "$(cat "$work/address")"
  kill $server
  wait $server 2>/dev/null
else
  skip 'caption-rtsp' 'no gst-rtsp-server'
fi
ok 'caption-rtsp refuses other addresses' status 2 "$scripts/caption-rtsp" http://localhost/

for script in caption-file caption-subtitles caption-json caption-camera caption-rtsp; do
  ok "$script --help" sh -c '"$1" --help | grep -q "^$2"' - "$scripts/$script" "$script"
  ok "$script refuses what it does not know" status 2 "$scripts/$script" --frobnicate
done
for script in caption-file caption-subtitles caption-json; do
  ok "$script: no such file" status 1 env BITMAR_SINK=fakesink "$scripts/$script" "$work/none.mkv"
  ok "$script: nothing given" status 2 env BITMAR_SINK=fakesink "$scripts/$script"
done
finish
