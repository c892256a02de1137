#!/bin/sh
# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# pipelines/demo-nvr: from cameras to a page that finds what they saw, with the model that is shipped.
set -u
. "$(dirname "$0")/../../pipelines/common.sh"
nvr=${BITMAR_SOURCE:?}/pipelines/demo-nvr
unset BITMAR_MODEL BITMAR_PORT
says () {
  status "$1" "$nvr" "$3" >"$work/said" 2>&1
  result=$?
  cat "$work/said"
  [ $result -eq 0 ] && grep -qF -- "$2" "$work/said"
}
ok 'an option that there is not' says 2 'there is no option --chek' --chek
ok 'a video that there is not' says 1 'none.mkv: no such file' "$work/none.mkv"
ok 'a time that is none' says 2 '--check takes whole seconds' --check=soon
ok '--help' says 0 'demo-nvr [--no-setup] [--check[=SECONDS]]' --help
if [ ! -r "$BITMAR_SOURCE/models/weights/bitmar.gguf" ] || [ -z "${DEMO_CAMERAS:-}" ] || ! command -v curl >/dev/null; then
  skip 'two cameras' 'no models/weights/bitmar.gguf, gst-rtsp-server or curl'
  finish
fi

# check SHARED: captions of both cameras, each of which finds an event.
check () {
  BITMAR_SHARED=$1 status 0 "$nvr" --no-setup --check >"$work/said" || return 1
  cat "$work/said"
  [ "$(grep -c '^"..*" of camera-[12] finds: camera-[12]: ..*' "$work/said")" = 2 ] && grep -q '^"a person in a room" finds: camera-[12]: ..*' "$work/said"
}
# What the pictures show is far from each other, so that each camera's caption finds that camera.
pictures () {
  check /nonexistent && [ "$(sed -n 's/.* of \(camera-[12]\) finds: \(camera-[12]\): .*/\1 \2/p' "$work/said" | sort -u)" = 'camera-1 camera-1
camera-2 camera-2' ]
}
ok 'two cameras that show pictures' pictures
if [ -r "${BITMAR_SHARED:-}/video/one-by-one-person-detection.mp4" ]; then
  ok 'two cameras that show a clip' check "$BITMAR_SHARED"
else
  skip 'two cameras that show a clip' 'no BITMAR_SHARED/video'
fi
# One camera that shows nothing is no success, whatever the other does. (A busy machine may not be as far as that in the time.)
broken () {
  echo 'no video' >"$work/broken.mkv"
  clip "$work/clip.mkv" || return 1
  status 1 "$nvr" --no-setup --check=8 "$work/clip.mkv" "$work/broken.mkv" >"$work/said" 2>&1
  result=$?
  cat "$work/said"
  [ $result -eq 0 ] && grep -q '^demo-nvr: \(no caption came of camera-[12]\|the page did not start\)$' "$work/said"
}
ok 'a camera that shows nothing is no success' broken
finish
