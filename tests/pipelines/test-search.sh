#!/bin/sh
# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# bitmar search and bitmar forget: what they find, print, refuse and leave. Environment as for common.sh, and MAKE_LOG.
set -u
. "$(dirname "$0")/common.sh"
export TZ=UTC-2      # two hours east of Greenwich

members='version:n id:n time:s utc:n camera:s score:n text:s confidence:n novelty:n alert:s0 pts:n0 running_time:n0
  thumbnail:s0'
log=$work/events.log
now=$(date +%s)

# says STATUS TEXT COMMAND…: that exit status, and the text on standard error.
says () {
  wanted=$1 text=$2
  shift 2
  status "$wanted" "$@" 2> "$work/err" && grep -qF -- "$text" "$work/err"
}

ok 'a log is made' "$MAKE_LOG" "$log" yard 1700000000 'a man with a dog' yard 1700000100 'a red car on a street' \
  door 1700000200 'a pizza on a table' door $((now - 60)) 'a cat on a bed'

ok 'a text that is too long for the model is told' says 1 'the text has 501 tokens, the model reads 47' "$MAKE_LOG" "$work/long.log" yard 1700000000 "$(yes zebra | head -n 500 | tr '\n' ' ')"

first () {
  "$BITMAR" search "$log" "$@" > "$work/out" && head -n 1 "$work/out" | grep -q "^$line"
}
line='2023-11-15T00:13:20+02:00  yard  1\.000  a man with a dog$'
ok 'the nearest comes first' first 'a man with a dog'
ok 'and all the others after it' test "$(wc -l < "$work/out")" -eq 4
line='2023-11-15T00:16:40+02:00  door  .*  a pizza on a table$'
ok 'another sentence' first 'a pizza on a table'
json () {
  # shellcheck disable=SC2086 # the members are several words
  count=$1; shift
  "$BITMAR" search --json "$log" "$@" > "$work/out" && "$CHECK_JSON" "$count" $members < "$work/out"
}
ok 'as JSON' json 4 'a dog'
ok 'of one camera' json 2 'a dog' --camera door
ok 'of a camera that is not there' says 0 'no such events' "$BITMAR" search "$log" 'a dog' --camera nobody
ok 'the best only' json 1 'a dog' -k 1
ok 'since a while ago' json 1 'a dog' --from -2min
ok 'until a while ago' json 3 'a dog' --to -2min
ok 'between two times' json 1 'a dog' --from 2023-11-15T00:15:00 --to 2023-11-15T00:16:40
ok 'with a zone' json 1 'a dog' --from 2023-11-14T22:15Z --to 2023-11-15T00:16+02:00
ok 'days' json 3 'a dog' --from 2023-11-15 --to 2023-11-16
ok 'a time of today' json 4 'a dog' --to 23:59:59
ok 'thumbnails' json 4 'a cat on a bed' --thumbnails "$work/new/found"
ok 'are what was stored' sh -c \
  '[ "$(cat "$1/new/found/1.jpg")" = "jpeg of a cat on a bed" ] && [ -e "$1/new/found/4.jpg" ]' - "$work"
ok 'and named' grep -qF "\"thumbnail\":\"$work/new/found/1.jpg\"" "$work/out"

for time in 18 18:0 25:00 2026-13-01 '' -2 -2x -h yesterday 2026-11-25T 1969-01-01; do
  ok "no time: '$time'" says 2 'is no time' "$BITMAR" search "$log" 'a dog' --from "$time"
done
ok 'an end before the start' says 2 'before --from' "$BITMAR" search "$log" 'a dog' --from -1h --to -2h
ok 'no sentence' says 2 'takes a log and a sentence' "$BITMAR" search "$log"
ok 'too few' says 2 '-k takes' "$BITMAR" search "$log" 'a dog' -k 0
ok 'too many' says 2 '-k takes' "$BITMAR" search "$log" 'a dog' -k 1001
ok 'an unknown option' says 2 '--nothing' "$BITMAR" search "$log" 'a dog' --nothing
ok 'a sentence that is not UTF-8' says 2 'not UTF-8' "$BITMAR" search "$log" "$(printf 'a \377')"
ok 'no log' says 1 "$work/none" "$BITMAR" search "$work/none" 'a dog'
ok 'and none was made' test ! -e "$work/none"
echo 'only a text' > "$work/text.log"
ok 'no log of ours' says 1 'not an event log' "$BITMAR" search "$work/text.log" 'a dog'
ok 'no model' says 3 'none.gguf' "$BITMAR" search "$log" 'a dog' --model "$work/none.gguf"
ok 'another model' says 1 'another model' "$BITMAR" search "$log" 'a dog' --model "$BITMAR_TINY"
ok 'no module' says 1 'libbitmar-store-sqlite.so' env BITMAR_MODULE_PATH="$work" "$BITMAR" search "$log" 'a dog'
ok 'thumbnails where nothing can be written' says 1 /dev/null "$BITMAR" search "$log" 'a dog' --thumbnails /dev/null/x
ok 'nobody reads' sh -c '"$BITMAR" search --json "$1" "a dog" | head -n 1 | "$CHECK_JSON" 1 text:s' - "$log"
ok 'help' sh -c '"$BITMAR" search --help | grep -q -e --thumbnails && "$BITMAR" forget --help | grep -q -e --all'

# While another process writes.
"$MAKE_LOG" --hold "$log" &
holder=$!
held () {
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    "$BITMAR" search --json "$log" 'a dog' --camera held > "$work/out" || return 1
    [ ! -s "$work/out" ] || return 0
    sleep 0.2
  done
  return 1
}
ok 'search while it is written' held
ok 'forget while it is written' sh -c \
  '"$BITMAR" forget "$1" --camera yard > "$2" && grep -qx "2 events forgotten" "$2"' - "$log" "$work/out"
ok 'what was forgotten is not found' says 0 'no such events' "$BITMAR" search "$log" 'a man' --camera yard
kill "$holder"
wait "$holder" 2>/dev/null
ok 'forget by time' sh -c \
  '"$BITMAR" forget "$1" --from 2023-01-01 --to 2024-01-01 | grep -qx "1 events forgotten"' - "$log"
ok 'the rest is there' json 1 'a dog' --camera door
ok 'no byte of it is left' sh -c '! grep -q -a -e "man with a dog" -e "pizza" "$1"*' - "$log"
ok 'forget nothing in particular' says 2 '--all' "$BITMAR" forget "$log"
ok 'forget all and some' says 2 '--all' "$BITMAR" forget "$log" --all --camera door
ok 'forget all' sh -c \
  '"$BITMAR" forget "$1" --all && ! grep -q -a -e "cat on a bed" -e "dog on a street" "$1"*' - "$log"
ok 'forget in no log' says 1 "$work/none" "$BITMAR" forget "$work/none" --all
finish
