#!/bin/sh
# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The command-line tool: what it prints, what it refuses, and with which exit status.
set -u
. "$(dirname "$0")/common.sh"

picture_members='version:n file:s pts:0 text:s confidence:n novelty:n slot:n tokens:n model:s'
video_members='version:n file:s pts:n text:s confidence:n novelty:n slot:n model:s'

picture "$work/a picture.png" pngenc
picture "$work/b.jpg" jpegenc 33 17
picture "$work/one.png" pngenc 1 1
picture "$work/grey.png" pngenc 20 300 pinwheel
clip "$work/clip.mkv"
head -c 300 "$work/b.jpg" > "$work/cut.jpg"
head -c 60 "$work/a picture.png" > "$work/cut.png"
: > "$work/empty.png"
echo "only text" > "$work/text.txt"
gst-launch-1.0 -q audiotestsrc num-buffers=5 ! wavenc ! filesink location="$work/sound.wav"

caption_json () {
  # shellcheck disable=SC2086 # the members are several words
  members=$1 count=$2; shift 2
  "$BITMAR" caption --json "$@" > "$work/out" && "$CHECK_JSON" "$count" $members < "$work/out"
}

ok 'pictures as JSON' caption_json "$picture_members" 4 "$work/a picture.png" "$work/b.jpg" "$work/one.png" "$work/grey.png"
ok 'the file is named as it was given' grep -qF "\"file\":\"$work/a picture.png\"" "$work/out"
ok 'a line of text' sh -c '"$BITMAR" caption "$1/b.jpg" | grep -q "^$1/b.jpg: "' - "$work"
if gst-inspect-1.0 --exists webpenc; then
  picture "$work/c.webp" webpenc
  ok 'WebP, twice' caption_json "$picture_members" 2 "$work/c.webp" "$work/c.webp"
else
  skip 'WebP, twice' 'no webpenc'
fi
# Of test patterns no model is sure.
ok 'a video as JSON' caption_json "$video_members" + --min-confidence 0 "$work/clip.mkv"
increasing () {
  sed 's/.*"pts":\([0-9]*\).*/\1/' "$work/out" > "$work/pts"
  [ "$(wc -l < "$work/pts")" -ge 2 ] && sort -c -n -u "$work/pts"
}
ok 'its times increase' increasing
cp "$work/out" "$work/first"
ok 'a second run' caption_json "$video_members" + --min-confidence 0 "$work/clip.mkv"
ok 'says the same' cmp "$work/first" "$work/out"
ok 'an address' sh -c '"$BITMAR" caption --json --min-confidence 0 "file://$1/clip.mkv" | "$CHECK_JSON" + uri:s pts:n' - "$work"
lines () { "$BITMAR" caption --json --min-confidence 0 --interval "$1" "$work/clip.mkv" | wc -l; }
ok 'a longer interval says less' test "$(lines 3)" -lt "$(lines 1)"

doubted () {
  "$BITMAR" caption --min-confidence 1 "$1" > "$work/out" 2> "$work/err" && [ ! -s "$work/out" ] && grep -q "$2" "$work/err"
}
ok 'a video whose captions are all doubted' doubted "$work/clip.mkv" 'min-confidence 0 shows'
ok 'a picture whose caption is doubted' doubted "$work/b.jpg" 'not sure enough'

many () {
  set --
  for i in 1 2 3 4 5 6 7 8 9 10; do
    set -- "$@" "$work/b.jpg" "$work/a picture.png" "$work/grey.png"
  done
  caption_json "$picture_members" 30 "$@" && [ "$(sed 's/.*"file"/"file"/' "$work/out" | sort -u | wc -l)" -eq 3 ]
}
ok 'every picture is captioned as if alone' many

# number MEMBER: what the lines of the last output have there.
number () { sed "s/.*\"$1\":\([0-9.]*\).*/\1/" "$work/out"; }
# oriented OCTAL: b.jpg with an EXIF block that says so.
oriented () {
  head -c 2 "$work/b.jpg"
  printf '\377\341\000\042Exif\000\000MM\000\052\000\000\000\010\000\001\001\022\000\003\000\000\000\001\000'
  # shellcheck disable=SC2059 # an octal escape
  printf "\\$1\\000\\000\\000\\000\\000\\000"
  tail -c +3 "$work/b.jpg"
}
turns () {
  oriented 001 > "$work/upright.jpg" && oriented 006 > "$work/turned.jpg" || return 1
  caption_json "$picture_members" 3 "$work/b.jpg" "$work/upright.jpg" "$work/turned.jpg" || return 1
  number confidence > "$work/confidences"
  [ "$(sed -n 1p "$work/confidences")" = "$(sed -n 2p "$work/confidences")" ] &&
    [ "$(sed -n 1p "$work/confidences")" != "$(sed -n 3p "$work/confidences")" ]
}
ok 'EXIF orientation is heeded' turns
address () { "$BITMAR" caption --json "file://$work/b.jpg" | "$CHECK_JSON" 1 uri:s pts:0 tokens:n; }
ok 'a picture by its address' address
cp "$work/grey.png" "$work/ab:c.png" && cp "$work/grey.png" "$work/really-png.jpg"
here () { (cd "$work" && caption_json "$picture_members" "$@"); }
ok 'a name that looks like an address' here 1 ab:c.png
ok 'the content counts, not the name' here 1 really-png.jpg
strange="$(printf 'two\nlines\033[2J.png')"
cp "$work/grey.png" "$work/$strange"
one_line () {
  (cd "$work" && "$BITMAR" caption "$strange" none-"$strange") > "$work/out" 2> "$work/err"
  [ "$(wc -l < "$work/out")" -eq 1 ] && [ "$(wc -l < "$work/err")" -eq 1 ] && ! grep -q "$(printf '\033')" "$work/out" "$work/err"
}
ok 'a name gives no orders to a terminal' one_line
gst-launch-1.0 -q videotestsrc num-buffers=1 ! video/x-raw,format=GRAY16_BE,width=8,height=8 ! pngenc ! \
  filesink location="$work/deep.png"
ok '16 bits a sample' here 1 deep.png
picture "$work/largest.png" pngenc 16384 1
picture "$work/larger.png" pngenc 16385 1
ok 'as wide as can be' here 1 largest.png
# says STATUS WORDS COMMAND…: it ends so, prints nothing, and says that on standard error.
says () {
  wanted=$1 words=$2; shift 2
  status "$wanted" "$@" > "$work/out" 2> "$work/err" || return 1
  [ ! -s "$work/out" ] && grep -qF -- "$words" "$work/err" || { cat "$work/out" "$work/err"; return 1; }
}
ok 'wider than that' says 1 '16385x1' "$BITMAR" caption "$work/larger.png"
ok 'sound alone' says 1 'no video' "$BITMAR" caption "$work/sound.wav"
mkfifo "$work/pipe"
ok 'a pipe' says 1 'not a regular file' timeout 20 "$BITMAR" caption "$work/pipe"

# skips BAD…: the bad ones are named on standard error, the good ones captioned.
skips () {
  status 1 "$BITMAR" caption --json "$work/b.jpg" "$@" "$work/grey.png" > "$work/out" 2> "$work/err" || return 1
  "$CHECK_JSON" 2 file:s < "$work/out" || return 1
  for bad in "$@"; do
    grep -qF "$bad" "$work/err" || { echo "nothing about $bad"; return 1; }
  done
}
ok 'bad pictures among good ones' skips "$work/cut.jpg" "$work/cut.png" "$work/empty.png" "$work/text.txt" "$work" \
  "$work/none.png" "$work/sound.wav"
ok 'an address that is not there' status 1 "$BITMAR" caption "file://$work/none.mkv"
ok 'no arguments' status 2 "$BITMAR"
ok 'no input' status 2 "$BITMAR" caption
ok 'no such command' status 2 "$BITMAR" paint "$work/b.jpg"
ok 'no such option' status 2 "$BITMAR" caption --colour "$work/b.jpg"
ok 'too many beams' status 2 "$BITMAR" caption --beam 9 "$work/b.jpg"
ok 'more than certain' status 2 "$BITMAR" caption --min-confidence 1.1 "$work/b.jpg"
ok 'confidence that is no number' status 2 "$BITMAR" caption --min-confidence nan "$work/b.jpg"
ok 'too many tokens' status 2 "$BITMAR" caption --max-tokens 100000 "$work/b.jpg"
ok 'an interval that is no number' says 2 '--interval' "$BITMAR" caption --interval nan "$work/clip.mkv"
ok 'a negative interval' says 2 '--interval' "$BITMAR" caption --interval=-1 "$work/clip.mkv"
ok 'a prompt that is not UTF-8' status 2 "$BITMAR" caption --prompt "$(printf 'caf\351')" "$work/b.jpg"
ok 'a prompt that is too long' status 2 "$BITMAR" caption --prompt "$(yes zebra | head -n 500 | tr '\n' ' ')" "$work/b.jpg"
ok 'a prompt' status 0 "$BITMAR" caption --prompt 'a dog' "$work/b.jpg"
ok 'no such model' status 3 "$BITMAR" caption --model "$work/none.gguf" "$work/b.jpg"
ok 'another kind of file as model' status 3 "$BITMAR" caption --model "$work/b.jpg" "$work/b.jpg"
head -c 2000000 "$BITMAR_MODEL" > "$work/cut.gguf"
ok 'half a model' status 3 "$BITMAR" caption --model "$work/cut.gguf" "$work/b.jpg"
ok 'info' sh -c '"$BITMAR" info | grep -q "general.architecture = bitmar"'
ok 'info as JSON' sh -c '"$BITMAR" info --json "$BITMAR_MODEL" | "$CHECK_JSON" 1 name:s sha256:s parameters:n metadata:o'
ok 'info of no model' status 3 "$BITMAR" info "$work/text.txt"
ok 'bench' sh -c '"$BITMAR" bench --time 0.001 | grep -q "^ternary *2048 x 512 *M 16 .*GMAC/s"'
ok 'bench as JSON' sh -c '"$BITMAR" bench --json --cpu scalar --time 0.001 --shapes 64x32,128x48 --m 1,3 \
  | "$CHECK_JSON" 1 tier:s peak:o linear:o conv:o'
ok 'bench of an unknown CPU' says 2 '"pentium"' "$BITMAR" bench --cpu pentium
ok 'bench of a shape that no packing takes' says 2 '--shapes' "$BITMAR" bench --shapes 64x17
ok 'bench of no rows' says 2 '--m' "$BITMAR" bench --m 0
ok 'bench of too much' says 2 'clip.mkv' "$BITMAR" bench "$work/clip.mkv"
ok 'BITMAR_CPU that is none' says 3 'pentium' env BITMAR_CPU=pentium "$BITMAR" caption "$work/b.jpg"
ok 'BITMAR_THREADS that is none' says 3 'BITMAR_THREADS=0' env BITMAR_THREADS=0 "$BITMAR" caption "$work/b.jpg"
two_threads () {
  "$BITMAR" caption --json "$work/b.jpg" > "$work/one" && BITMAR_THREADS=2 "$BITMAR" caption --json "$work/b.jpg" > "$work/two" \
    && cmp "$work/one" "$work/two"
}
ok 'two threads say what one says' two_threads
ok 'nobody reads' sh -c '"$BITMAR" caption --json "$1/b.jpg" "$1/clip.mkv" "$1/b.jpg" | head -n 1 | "$CHECK_JSON" 1 text:s' - "$work"
if [ -e /dev/full ]; then
  # shellcheck disable=SC2016 # for the inner shell
  ok 'no space left' says 1 'standard output' sh -c '"$BITMAR" caption "$1/b.jpg" "$1/grey.png" > /dev/full' - "$work"
else
  skip 'no space left' 'no /dev/full'
fi
ok 'version' sh -c '"$BITMAR" --version | grep -q "^bitmar [0-9]"'
interrupt () {
  BITMAR_TEST_DELAY_MS=50 "$BITMAR" caption --json --min-confidence 0 --interval 1 "$1" > "$work/out" 2>&1 &
  pid=$!
  while [ ! -s "$work/out" ] && kill -0 $pid 2>/dev/null; do sleep 0.05; done
  kill -INT $pid
  status 130 wait $pid
}
gst-launch-1.0 -q videotestsrc num-buffers=3000 ! video/x-raw,width=640,height=480,framerate=1/1 ! jpegenc ! matroskamux ! \
  filesink location="$work/long.mkv"
ok 'interrupted' interrupt "$work/long.mkv"
finish
