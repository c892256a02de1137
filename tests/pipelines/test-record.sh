#!/bin/sh
# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# bitmar record, with a model of random weights: segments, their subtitle tracks and the files beside them; ONVIF metadata of the same captions.
set -u
. "$(dirname "$0")/common.sh"
BITMAR_MODEL=$(cd "$(dirname "$0")/../files" && pwd)/tiny.gguf
export BITMAR_MODEL
clip "${work:?}/clip.mkv"

record () {
  rm -rf "$work/out"
  "$BITMAR" record "$work/clip.mkv" --folder "$work/out" --min-confidence 0 --quiet "$@" > "$work/files"
}
# The words of a subtitle file, or of a recording's track, without their times.
words_of_file () { grep -av -e '-->' -e '^WEBVTT' -e '^[0-9]*$' "$1" | sed 's/[[:space:]]*$//'; }
words_of_track () { "$READ_SUBTITLES" "$1" | sed -n 's/^[0-9]* [0-9]* //p' | sed 's/[[:space:]]*$//'; }

in_segments () {
  status 0 record --segment 2s --sidecar "$1" --container "$2" || return 1
  cat "$work/files"
  [ "$(wc -l < "$work/files")" -ge 2 ] && [ "$(find "$work/out" -name "*.$2" | sort)" = "$(sort "$work/files")" ] || return 1
  while read -r file; do
    sidecar=${file%."$2"}.$3
    cat "$sidecar"
    "$READ_SUBTITLES" "$file"
    # Frames there are, and the track says what the file beside it says.
    "$READ_SUBTITLES" "$file" | grep -q '^video [1-9]' && words_of_track "$file" > "$work/a" && words_of_file "$sidecar" > "$work/b" &&
      [ -s "$work/a" ] && cmp "$work/a" "$work/b" || return 1
    # Each begins at its own zero: nothing lies behind the two seconds and what a key frame may add.
    "$READ_SUBTITLES" "$file" | grep -v '^video' | awk '$2 > 3100 || $1 >= $2 { exit 1 }' || return 1
  done < "$work/files"
}
ok 'Matroska in segments, with a track and WebVTT beside it' in_segments webvtt mkv vtt
ok 'MP4 in segments, with a track and SubRip beside it' in_segments srt mp4 srt

as_json () {
  status 0 record --json --sidecar webvtt || return 1
  cat "$work/files"
  "$CHECK_JSON" 1 version:n file:s sidecar:s utc:s duration:n < "$work/files" && grep -q '"sidecar":"[^"]*\.vtt"' "$work/files" && grep -q '"duration":[1-9]' "$work/files"
}
ok '--json tells of each segment' as_json

burnt () {
  status 0 record || return 1
  plain=$(cat "$work/files")
  mv "$plain" "$work/plain.mkv"
  status 0 record --burn-in || return 1
  for file in "$work/plain.mkv" "$(cat "$work/files")"; do
    gst-launch-1.0 -q filesrc location="$file" ! matroskademux ! decodebin ! videoconvert ! video/x-raw,format=GRAY8 ! filesink location="$file.raw" ||
      return 1
  done
  [ -s "$work/plain.mkv.raw" ] && [ "$(wc -c < "$work/plain.mkv.raw")" = "$(wc -c < "$(cat "$work/files").raw")" ] &&
    ! cmp -s "$work/plain.mkv.raw" "$(cat "$work/files").raw"
}
ok '--burn-in draws on the video' burnt
ok 'a container that there is not' status 2 record --container avi
ok 'a file that is not there' status 1 "$BITMAR" record "$work/none.mkv" --folder "$work/out"
ok 'a folder that can not be' sh -c '! "$1" record "$2/clip.mkv" --folder "$2/clip.mkv/x"' - "$BITMAR" "$work"

# The metadata that a VMS reads, as a document a caption.
onvif () {
  gst-launch-1.0 -q filesrc location="$work/clip.mkv" ! decodebin ! videoconvert ! bitmarencode ! bitmarmemory ! bitmarcaption name=c \
    min-confidence=0 change-threshold=0 ! fakesink c.json_src ! bitmaronvif ! "application/x-onvif-metadata,parsed=true" ! \
    multifilesink location="$work/onvif%02d.xml" next-file=buffer || return 1
  cat "$work"/onvif*.xml
  for file in "$work"/onvif*.xml; do
    python3 - "$file" <<'PY' || return 1
import sys, xml.etree.ElementTree as E
root = E.parse(sys.argv[1]).getroot()
assert root.tag == "{http://www.onvif.org/ver10/schema}MetadataStream", root.tag
PY
  done
  grep -q UtcTime "$work"/onvif*.xml
}
if gst-inspect-1.0 bitmaronvif > "$work/log" 2>&1; then
  ok 'captions as ONVIF metadata are well-formed XML of its schema' onvif
else
  skip 'captions as ONVIF metadata are well-formed XML of its schema' 'no bitmaronvif'
fi
finish
