#!/bin/sh
# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What is left of a recording of a camera when it is stopped or killed, when the disk is full or gone, and when the camera goes away.
set -u
# A full disk is one of its own.
if [ -z "${BITMAR_MOUNTS:-}" ]; then
  unshare --mount mount -t tmpfs none /mnt 2>/dev/null && BITMAR_MOUNTS=yes exec unshare --mount "$0"
  BITMAR_MOUNTS=no
fi
. "$(dirname "$0")/common.sh"
BITMAR_MODEL=$(cd "$(dirname "$0")/../files" && pwd)/tiny.gguf
export BITMAR_MODEL
if [ -z "${RTSP_SERVER:-}" ]; then
  echo '1..0 # SKIP no gst-rtsp-server'
  exit
fi

# camera NAME PATTERN WIDTH HEIGHT RATE: its address is in the file NAME.
camera () {
  "$RTSP_SERVER" "$work/$1" "( videotestsrc is-live=true pattern=$2 ! video/x-raw,format=I420,width=$3,height=$4,framerate=$5/1 ! jpegenc ! \
    rtpjpegpay name=pay0 )" &
  servers="${servers:-} $!"
  until [ -s "$work/$1" ] || ! kill -0 $! 2>/dev/null; do sleep 0.1; done
}
end () {
  # shellcheck disable=SC2086 # several
  kill -KILL $servers ${recorder:-} 2>/dev/null
  wait
  [ "$BITMAR_MOUNTS" = no ] || umount "$work/out" 2>/dev/null
  rm -rf "${work:?}"
}
camera quiet black 64 48 10
quiet=$!
# Of two megabytes a second and more.
camera loud snow 640 480 15
trap end EXIT
trap 'exit 1' INT TERM HUP

clip "$work/clip.mkv"

# wait_for COMMAND…: until it succeeds.
wait_for () {
  for _ in $(seq 900); do
    ! "$@" > "$work/waited" 2>&1 || return 0
    kill -0 "$recorder" 2>/dev/null || { echo 'it has ended'; break; }
    sleep 0.1
  done
  echo "in vain: $*"
  cat "$work/waited" "$work/err"
  find "$work/out" -ls
  return 1
}
# start CAMERA OPTION…
start () {
  address=$(cat "$work/$1")
  shift
  # Not by who is started, whenever he comes to it: what the one before has said would be taken for his.
  : > "$work/files"
  : > "$work/err"
  "$BITMAR" record "$address" --folder "$work/out" --min-confidence 0 --sidecar webvtt "$@" > "$work/files" 2> "$work/err" &
  recorder=$!
}
# stop SIGNAL STATUS
stop () {
  kill "-$1" "$recorder"
  status "$2" wait "$recorder" || { cat "$work/err"; return 1; }
}
told () { [ "$(grep -cF -- "$1" "$work/err")" -ge "${2:-1}" ]; }
lines () { [ "$(wc -l < "$work/files")" -ge "$1" ]; }
last () { find "$work/out" -name "*.$1" | sort | tail -n 1; }
# captioned [BEFORE]: the last segment, which is not BEFORE, has a caption in the file beside it.
captioned () { beside=$(last vtt) && [ -n "$beside" ] && [ "$beside" != "${1:-}" ] && grep -q -e '-->' "$beside"; }

# milliseconds FILE: how far its video goes; it can be read to its end.
milliseconds () { "$READ_SUBTITLES" "$1" > "$work/read" && sed -n 's/^video [1-9][0-9]* //p' "$work/read"; }
# under_way CONTAINER: a segment that is not finished has more than a second of video, and its file beside it; cut is its path.
under_way () { cut=$(last "$1") && ! grep -qxF "$cut" "$work/files" && [ -s "${cut%.*}.vtt" ] && length=$(milliseconds "$cut") && [ "${length:-0}" -gt 1000 ]; }
# whole FILE [silent]: it has video, its track and the file beside it say the same at the same times, within its time.
whole () {
  length=$(milliseconds "$1") && [ -n "$length" ] || { echo "$1 can't be read"; return 1; }
  sidecar=${1%.*}.vtt
  cat "$work/read" "$sidecar"
  python3 - "$work/read" "$sidecar" "$length" "${2:-}" <<'PY'
import re, sys
track = [line.rstrip("\n").split(" ", 2) for line in open(sys.argv[1], errors="replace") if not line.startswith("video")]
track = [(int(a), int(b), text.strip()) for a, b, text in track]
text = open(sys.argv[2], errors="replace").read()
assert text.startswith("WEBVTT\n\n") and text.endswith("\n"), text
ms = lambda t: sum(int(n) * f for n, f in zip(re.split("[:.]", t), (3600000, 60000, 1000, 1)))
beside = []
for block in text.split("\n\n")[1:]:
    times, _, said = block.partition("\n")
    if said.strip():
        start, end = times.split(" --> ")
        beside.append((ms(start), ms(end), said.strip()))
# A cut may come between two writings of what goes on, so an end may differ; nothing is said before the video or long after it.
print(track, beside)
assert len(track) == len(beside) and (track or sys.argv[4])
for (a, b, said), (c, d, also) in zip(track, beside):
    assert abs(a - c) <= 3 and said == also and a < b and c < d
assert not track or max(track[-1][1], beside[-1][1]) <= int(sys.argv[3]) + 2500
PY
}
sums () { find "$work/out" -name '*.[mv][kpt][4tv]' -exec sha256sum {} +; }

# stopped SIGNAL STATUS CONTAINER
stopped () {
  rm -rf "$work/out"
  start quiet --container "$3" --segment 1h
  wait_for captioned && stop "$1" "$2" || return 1
  cat "$work/files"
  [ "$(cat "$work/files")" = "$(last "$3")" ] && whole "$(cat "$work/files")"
}
ok 'SIGTERM: the segment under way is whole' stopped TERM 0 mkv
ok 'SIGINT: the segment under way is whole, in MP4 too' stopped INT 130 mp4

# killed CONTAINER
killed () {
  rm -rf "$work/out"
  start quiet --container "$1" --segment 4s
  wait_for lines 1 && wait_for under_way "$1" || return 1
  kill -KILL "$recorder"
  wait "$recorder"
  whole "$(head -n 1 "$work/files")" silent && length=$(milliseconds "$cut") && [ "$length" -gt 1000 ] || return 1
  grep -qx WEBVTT "${cut%.*}.vtt" || return 1
  sums > "$work/before"
  start quiet --container "$1" --segment 1s
  wait_for lines 1 && stop TERM 0 || return 1
  sha256sum -c "$work/before" && whole "$(head -n 1 "$work/files")" silent
}
ok 'kill -9: what was finished is whole, what was not is readable, and the next start goes on beside it' killed mkv
ok 'the same in MP4' killed mp4

dies () {
  rm -rf "$work/out"
  start quiet --segment 1h
  wait_for captioned || return 1
  first=$(last vtt)
  kill -USR1 "$quiet"
  wait_for lines 1 && wait_for told 'camera: waiting (' || return 1
  gone=$(date +%s%3N)
  kill -USR2 "$quiet"
  wait_for told 'camera: recording' 2 && wait_for captioned "$first" && stop TERM 0 && lines 2 || return 1
  cat "$work/files" "$work/err"
  while read -r file; do whole "$file" || return 1; done < "$work/files"
  # The second begins when the camera came back.
  begun=$(tail -n 1 "$work/files" | sed -n 's/.*-\(....\)\(..\)\(..\)T\(..\)\(..\)\(..\)\.\(...\)Z\..*/\1-\2-\3 \4:\5:\6.\7Z/p')
  [ "$(date -d "$begun" +%s%3N)" -ge $((gone - 1000)) ]
}
ok 'a camera that dies and comes back: a segment each, with its own times' dies

# A disk that was taken away and is back.
taken () {
  rm -rf "$work/out" "$work/away"
  start quiet --segment 1s
  wait_for lines 1 || return 1
  mv "$work/out" "$work/away"
  wait_for told "waiting (nothing can be written to $work/out: No such file or directory)" || return 1
  [ ! -e "$work/out" ] || return 1
  mv "$work/away" "$work/out"
  wait_for told 'camera: recording' 2 && before=$(wc -l < "$work/files") && wait_for lines $((before + 1)) && stop TERM 0 || return 1
  whole "$(tail -n 1 "$work/files")" silent
}
ok 'a folder that goes away and comes back' taken

if [ "$BITMAR_MOUNTS" = yes ]; then
  full () {
    rm -rf "$work/out"
    mkdir "$work/out"
    mount -t tmpfs -o size=4m none "$work/out" || return 1
    start loud --segment 1h
    wait_for told "camera: waiting (the disk is full: no more can be written to $work/out)" || return 1
    cut=$(last mkv)
    [ "$(milliseconds "$cut")" -gt 0 ] || return 1
    # Asked again after four seconds, it leaves no empty files, and is not told again.
    sleep 6
    [ "$(find "$work/out" -name '*.mkv')" = "$cut" ] && [ "$(grep -c 'waiting (the disk' "$work/err")" = 1 ] || return 1
    status 1 "$BITMAR" record "$work/clip.mkv" --folder "$work/out" 2> "$work/said"
    cat "$work/said"
    grep -qF "clip: not recorded (the disk is full: no more can be written to $work/out)" "$work/said" || return 1
    mount -o remount,size=2g "$work/out"
    wait_for told 'camera: recording' 2 && wait_for captioned "${cut%.mkv}.vtt" && stop TERM 0 || return 1
    cat "$work/files" "$work/err"
    [ "$(cat "$work/files")" = "$(last mkv)" ] && [ "$(last mkv)" != "$cut" ] && whole "$(last mkv)" silent && [ "$(milliseconds "$cut")" -gt 0 ] || return 1
    umount "$work/out"
  }
  ok 'a full disk is told once, and there being room, it goes on' full
else
  skip 'a full disk is told once, and there being room, it goes on' 'may not mount'
fi

too_large () {
  status 1 sh -c 'ulimit -f 1000; exec "$@"' - "$BITMAR" record "$work/clip.mkv" --folder "$work/out" 2> "$work/said"
  result=$?
  cat "$work/said"
  [ $result -eq 0 ] && grep -qF "(nothing can be written to $work/out: File too large)" "$work/said"
}
ok 'files that may not become large enough' too_large
finish
