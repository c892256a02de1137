#!/bin/sh
# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Every script of pipelines/ on a clip of our own making, without a screen, with a model of random weights; and the program
# of docs/quickstart.md.
set -u
. "$(dirname "$0")/common.sh"
scripts=$(cd "$(dirname "$0")/../../pipelines" && pwd)
BITMAR_MODEL=$(cd "$(dirname "$0")/../files" && pwd)/tiny.gguf
shipped=$(cd "$(dirname "$0")/../.." && pwd)/models/weights/bitmar.gguf
export BITMAR_MODEL
unset DISPLAY WAYLAND_DISPLAY BITMAR_SINK BITMAR_CAMERA
clip=$(printf '%s/a %%20 "clip"; it'"'"'s \\ #1\351!.mkv' "${work:?}")
clip "$work/clip.mkv" && cp "$work/clip.mkv" "$clip"
json_members='version:n stream:s id:n utc:0s pts:n running_time:n text:s confidence:n fallback:b novelty:n slot:n repeat:b model:s'

# frames FILE: how many frames it has.
frames () {
  gst-launch-1.0 -v filesrc location="$1" ! decodebin ! fakesink silent=false | grep -c 'last-message = chain'
}
written () {
  "$scripts/caption-file" --interval 0.5 --prompt 'a "dog" \' --output "$1" "$clip" && [ "$(frames "$1")" -eq 60 ]
}
for kind in mp4 mkv webm; do
  encoder=openh264enc
  [ $kind = webm ] && encoder=vp8enc
  if gst-inspect-1.0 --exists $encoder; then
    ok "caption-file writes $kind" written "$work/the \"out\".$kind"
  else
    skip "caption-file writes $kind" "no $encoder"
  fi
done
ok 'caption-file shows' env BITMAR_SINK=fakesink "$scripts/caption-file" "$clip"
ok 'caption-file takes an address' env BITMAR_SINK=fakesink "$scripts/caption-file" "file://$work/clip.mkv"
ok 'caption-file takes a sink with properties' env BITMAR_SINK='fakesink sync=false' "$scripts/caption-file" "$clip"
# says STATUS WORDS COMMAND…: it ends so and says that on standard error.
says () {
  wanted=$1 words=$2
  shift 2
  status "$wanted" "$@" 2> "$work/err"
  result=$?
  cat "$work/err"
  [ $result -eq 0 ] && grep -qF -- "$words" "$work/err"
}
ok 'no display is told' says 1 'no display' "$scripts/caption-file" "$clip"
ok 'a source is not overwritten' says 1 overwrite "$scripts/caption-file" --output "$work/./clip.mkv" "$work/clip.mkv"
ok 'the source is as it was' cmp "$work/clip.mkv" "$clip"
for interval in 0 -1 x 1s 1e9; do
  ok "--interval $interval" status 2 "$scripts/caption-file" --interval $interval "$clip"
done
ok 'an unknown kind of output' status 2 "$scripts/caption-file" --output "$work/out.avi" "$clip"
echo 'no video' > "$work/text.txt"
ok 'a file that is no video' says 1 'type of stream' env BITMAR_SINK=fakesink "$scripts/caption-file" "$work/text.txt"
ok 'a folder' says 1 folder env BITMAR_SINK=fakesink "$scripts/caption-file" "$work"

# ctrl_c FILE: an endless camera, written until somebody presses Ctrl-C, leaves a file that can be played.
ctrl_c () {
  endless="$work/endless.mkv"
  mkfifo "$endless"
  gst-launch-1.0 -q videotestsrc is-live=true ! video/x-raw,width=160,height=120,framerate=15/1 ! jpegenc ! \
    matroskamux streamable=true ! filesink location="$endless" &
  feeder=$!
  "$scripts/caption-file" --output "$1" "$endless" &
  script=$!
  for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    sleep 0.5
    [ ! -s "$1" ] || break
  done
  kill -INT $script
  wait $script
  result=$?
  kill $feeder 2>/dev/null
  [ $result -eq 0 ] && [ "$(frames "$1")" -ge 1 ]
}

ok 'Ctrl-C finishes the file' ctrl_c "$work/camera.mkv"

# cues FILE COUNT: at least so many; each ends after its start, each starts where the one before it ended or later.
cues () {
  [ "$(grep -c -- ' --> ' "$1")" -ge "$2" ] && sed -n 's/ --> / /p' "$1" | tr ',' '.' | awk '
    function seconds(t, p) { n = split(t, p, ":"); return p[n] + 60 * p[n - 1] + (n > 2 ? 3600 * p[1] : 0) }
    { start = seconds($1); end = seconds($2); if (start >= end || start < last) exit 1; last = end }
    END { if (last > 4.1) exit 1 }'
}
vtt () {
  "$scripts/caption-subtitles" "$clip" > "$work/o.vtt" && head -n 1 "$work/o.vtt" | grep -q '^WEBVTT' && cues "$work/o.vtt" 1
}
ok 'caption-subtitles prints WebVTT' vtt
srt () {
  "$scripts/caption-subtitles" --output "$work/o.srt" "$clip" && head -n 1 "$work/o.srt" | grep -q '^1' &&
    grep -q '^00:00:0[0-9],[0-9][0-9][0-9] --> 00:00:0[0-9],[0-9][0-9][0-9]' "$work/o.srt" && cues "$work/o.srt" 1
}
ok 'caption-subtitles writes SubRip' srt
if [ -r "$shipped" ]; then
  several () { BITMAR_MODEL=$shipped "$scripts/caption-subtitles" --min-confidence 0 "$clip" > "$work/s.vtt" && cues "$work/s.vtt" 3; }
  ok 'the shipped model has something to say of every scene' several
else
  skip 'the shipped model has something to say of every scene' 'no models/weights/bitmar.gguf'
fi
json () {
  # shellcheck disable=SC2086 # the members are several words
  "$scripts/caption-json" --stream 'front door' "$clip" > "$work/o.json" && "$CHECK_JSON" + $json_members < "$work/o.json" &&
    grep -q '"stream":"front door"' "$work/o.json"
}
ok 'caption-json' json
# Where there is no build, GStreamer finds what is installed; here by the environment.
installed () {
  BITMAR_BUILD=$work/none "$scripts/caption-json" --min-confidence 0 "$clip" > "$work/i.json" && "$CHECK_JSON" + stream:s text:s < "$work/i.json"
}
ok 'caption-json with an installed plugin' installed
ok 'neither built nor installed' says 1 'neither built' env BITMAR_BUILD="$work/none" GST_PLUGIN_PATH= GST_REGISTRY="$work/registry.bin" \
  "$scripts/caption-json" "$clip"
together () {
  { echo before; "$scripts/caption-json" "$clip"; "$scripts/caption-json" "$clip"; echo after; } > "$work/together"
  [ "$(head -n 1 "$work/together")" = before ] && [ "$(tail -n 1 "$work/together")" = after ] &&
    [ "$(grep -c '^{' "$work/together")" -eq $((2 * $(wc -l < "$work/o.json"))) ]
}
ok 'two into one file' together
certain () { "$scripts/caption-json" --min-confidence 1 "$clip" > "$work/none.json" && [ ! -s "$work/none.json" ]; }
ok 'caption-json says nothing that is doubted' certain
ok 'a failure into a file' status 1 "$scripts/caption-json" "$work/text.txt"

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
if [ -n "${BITMAR_MODULE_PATH:-}" ]; then
  # Each half lists its events below a line that ends in "in the log:"; what was there before the kill is there after it.
  remembered () {
    gst-launch-1.0 -q videotestsrc num-buffers=60 pattern=ball ! video/x-raw,width=160,height=120,framerate=5/1 ! jpegenc ! matroskamux ! \
      filesink location="$work/long.mkv" &&
      "$scripts/remember" --folder "$work/kept" --seconds 2.5 --min-confidence 0 --camera yard "$work/long.mkv" 'a man' > "$work/r.txt" || return 1
    cat "$work/r.txt"
    awk '/in the log:$/ { half++; next } / yard / && half == 1 { before[$0] = 1; n++ } / yard / && half == 2 { after[$0] = 1; m++ }
      END { for (k in before) if (!(k in after)) lost = 1; exit !(n > 0 && m > n && !lost) }' \
      "$work/r.txt" && [ -s "$work/kept/memory" ]
  }
  ok 'remember: nothing is lost by kill -9' remembered
else
  skip 'remember' 'no event log'
fi
ok 'remember: no such file' status 1 "$scripts/remember" "$work/none.mkv" 'a man'
ok 'caption-rtsp refuses other addresses' status 2 "$scripts/caption-rtsp" http://localhost/

for script in caption-file caption-subtitles caption-json caption-camera caption-rtsp remember; do
  ok "$script --help" sh -c '"$1" --help | grep -q "^$2"' - "$scripts/$script" "$script"
  ok "$script refuses what it does not know" status 2 "$scripts/$script" --frobnicate
done
for script in caption-file caption-subtitles caption-json; do
  ok "$script: no such file" status 1 env BITMAR_SINK=fakesink "$scripts/$script" "$work/none.mkv"
  ok "$script: --min-confidence 2" status 2 env BITMAR_SINK=fakesink "$scripts/$script" --min-confidence 2 "$clip"
  ok "$script: --min-confidence x" status 2 env BITMAR_SINK=fakesink "$scripts/$script" --min-confidence x "$clip"
  ok "$script: nothing given" status 2 env BITMAR_SINK=fakesink "$scripts/$script"
done

# The shell that README.md and docs/ tell to start: every plugin that was built, the model and the command are found.
devenv () {
  env -u GST_PLUGIN_PATH -u GST_PLUGIN_PATH_1_0 -u BITMAR_MODEL GST_REGISTRY="$work/devenv.bin" meson devenv -C "$BITMAR_BUILD" "$@"
}
if command -v meson >/dev/null; then
  ok 'meson devenv: elements' devenv gst-inspect-1.0 bitmarcaption
  # shellcheck disable=SC2016 # that shell's
  ok 'meson devenv: model and command' devenv sh -c 'test -r "$BITMAR_MODEL" && bitmar info >/dev/null'
  if [ -e "$BITMAR_BUILD/ext/rtsp/libgstbitmaronvif.so" ]; then
    ok "meson devenv: the other plugin's elements" devenv gst-inspect-1.0 rtpbitmaronvifpay
  else
    skip "meson devenv: the other plugin's elements" 'not built'
  fi
else
  skip 'meson devenv' 'no meson'
fi

# The program of the quickstart does what is said there.
sed -n '/^```c$/,/^```$/p' "$scripts/../docs/quickstart.md" | grep -v '^```' > "$work/captions.c"
if pkg-config --exists gstreamer-1.0 2>/dev/null && command -v cc >/dev/null; then
  # shellcheck disable=SC2046 # several options
  ok "the quickstart's program compiles" cc -Wall -Werror "$work/captions.c" -o "$work/captions" $(pkg-config --cflags --libs gstreamer-1.0)
  program () {
    "$work/captions" "file://$work/clip.mkv" > "$work/o.txt" && grep -q '^message: 0:00:0' "$work/o.txt" && grep -q '^frame: ' "$work/o.txt"
  }
  ok "the quickstart's program tells captions twice" program
else
  skip "the quickstart's program" 'no compiler or no pkg-config'
fi
finish
