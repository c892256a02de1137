#!/bin/sh
# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# bitmar watch: many cameras, of which some fail, with a model of random weights.
set -u
. "$(dirname "$0")/common.sh"
BITMAR_MODEL=$(cd "$(dirname "$0")/../files" && pwd)/tiny.gguf
export BITMAR_MODEL
clip "${work:?}/clip.mkv"

# config LINE…: a file of those lines, below a [watch] with a folder of its own.
config () {
  { printf '[watch]\nfolder = state\n'; printf '%s\n' "$@"; } > "$work/cameras.conf"
  rm -rf "$work/state"
}
watch () {
  "$BITMAR" watch "$work/cameras.conf" "$@" > "$work/out" 2> "$work/err"
}
# says STATUS WORDS [OPTION…]
says () {
  wanted=$1 words=$2
  shift 2
  status "$wanted" watch "$@"
  result=$?
  cat "$work/err"
  [ $result -eq 0 ] && grep -qF -- "$words" "$work/err"
}

config '[camera a]' 'source = clip.mkv' 'promt = a dog'
ok 'a mistake is told with its line' says 2 "$work/cameras.conf:5: [camera a]: there is no key 'promt'"
config '[camera a]' 'source = clip.mkv' 'alerts = dog: a dog for ever'
ok 'rules that cannot be read are told with their line' says 2 "$work/cameras.conf:5: [camera a]: alerts: line 1, column"
config '[camera a]' 'source = clip.mkv' 'alerts = dog: a dog' 'prompt = a dog' 'enabled = no'
ok '--check finds nothing wrong' status 0 watch --check
ok '--check leaves nothing behind' [ ! -e "$work/state" ]
ok 'cameras that are not enabled are not watched' status 0 watch
sed -n '/^    \[watch\]/,/^    repeat/s/^    //p' "$(dirname "$0")/../../docs/watch.md" > "$work/cameras.conf"
shipped=$(cd "$(dirname "$0")/../.." && pwd)/models/weights/bitmar.gguf
if [ -r "$shipped" ]; then
  example () { grep -q '^\[camera demo\]' "$work/cameras.conf" && BITMAR_MODEL=$shipped watch --check; }
  ok "the manual's example" example
else
  skip "the manual's example" 'no models/weights/bitmar.gguf'
fi
config '[camera a]' 'source = clip.mkv'
ok 'no model' status 3 env BITMAR_MODEL="$work/none.gguf" "$BITMAR" watch "$work/cameras.conf"
ok 'no file' status 2 "$BITMAR" watch "$work/none.conf"
ok 'two files' status 2 "$BITMAR" watch "$work/cameras.conf" "$work/cameras.conf"
ok '--help' sh -c '"$1" watch --help | grep -q "docs/watch.md"' - "$BITMAR"

# Outlets, of which a fake one stands in for [mqtt].
outlet () {
  env BITMAR_MODULE_PATH="$FAKE_OUTLETS" "$BITMAR" watch "$work/cameras.conf" "$@" > "$work/out" 2> "$work/err"
}
refuses () {
  told=$1
  shift
  config '[camera a]' 'source = clip.mkv' '[mqtt]' "$@"
  status 2 outlet
  result=$?
  cat "$work/err"
  [ $result -eq 0 ] && grep -qF -- "$work/cameras.conf$told" "$work/err"
}
ok 'a key that an outlet does not have' refuses ":6: [mqtt]: there is no key 'fil' here; the keys are file, broken" 'fil = x'
ok "a value that an outlet can't read" refuses ":7: [mqtt]: broken: 'yes' is broken" 'file = x' 'broken = yes'
ok 'what an outlet needs' refuses ":5: [mqtt]: its 'file' is missing" 'broken = late'
ok 'an outlet twice' refuses ":7: [mqtt]: there is one before" 'file = x' '[mqtt]'
ok 'an outlet that does not open' refuses ": [mqtt]: the port is taken" 'file = x' 'broken = late'
missing_outlet () {
  config '[web]' '[camera a]' 'source = clip.mkv'
  status 2 env BITMAR_MODULE_PATH=/nonexistent "$BITMAR" watch "$work/cameras.conf" 2> "$work/err" &&
    grep -qF ":3: [web]: it needs /nonexistent/libbitmar-web.so, which is not there; it is built where libsoup-3.0-dev is installed" "$work/err"
}
ok 'an outlet that is not installed' missing_outlet
told_outlet () {
  config '[mqtt]' "file = $work/told" '[camera a]' 'source = clip.mkv' 'min-confidence = 0' 'alerts = any: a man above 0.001 below 0.0005 cooldown 0s' \
    '[camera b]' 'source = clip.mkv' 'enabled = no'
  # Of another module path, the log's.
  cp "$FAKE_OUTLETS/libbitmar-mqtt.so" "$BITMAR_MODULE_PATH/libbitmar-store-sqlite.so" "$work/modules/" || return 1
  status 0 env BITMAR_MODULE_PATH="$work/modules" "$BITMAR" watch --json "$work/cameras.conf" > "$work/out" 2> "$work/err" || return 1
  cat "$work/told" "$work/err"
  [ "$(grep -c '^camera' "$work/told")" = 1 ] && grep -q "^log $work/state/events.db" "$work/told" && [ "$(tail -n 1 "$work/told")" = closed ] &&
    grep -q '^alert a bitmar-alert {' "$work/told" && grep -q '^state a ended {' "$work/told" || return 1
  # What is printed is what is told.
  sed -n 's/^\(caption\|alert\|state\) [^{]*//p' "$work/told" | cmp - "$work/out" &&
    [ "$(grep -c '^bitmar watch: \[mqtt\]: no answer?*' "$work/err")" = 1 ] && ! grep -q "$(printf '\033')" "$work/err"
}
mkdir "$work/modules"
ok 'an outlet is told what is printed, and what it complains of is told once' told_outlet

# What another model left is kept apart, pruned, and no reason not to watch.
early=$(cd "$(dirname "$0")/../files" && pwd)/tiny-early.gguf
# Cameras that can't be watched are asked for ever.
watch_a_while () {
  BITMAR_MODEL=$1 timeout 60 "$BITMAR" watch "$work/cameras.conf" > "$work/out" 2> "$work/err"
}
other_model () {
  config '[camera a]' 'source = clip.mkv' 'min-confidence = 0' && status 0 watch &&
    status 0 watch_a_while "$early" && cat "$work/err" &&
    [ "$(grep -c 'is of another model; it is called' "$work/err")" -eq 2 ] && grep -q '  a  [^!]' "$work/out" &&
    [ -s "$work/state/a.memory.former" ] && [ -s "$work/state/a.memory" ]
}
ok 'a new model begins anew' other_model
found () { "$BITMAR" search --json "$1" 'a dog' | grep -c '"camera":"a"'; }
ok "the former model's log is searched with that" [ "$(found "$work/state"/events.db.until-*Z)" -gt 0 ]
ok "and the new model's with the new" [ "$(BITMAR_MODEL=$early found "$work/state/events.db")" -gt 0 ]
again () { status 0 watch_a_while "$early" && ! grep 'another model' "$work/err"; }
ok 'the second time there is nothing to be set aside' again
old_log () {
  config '[camera a]' 'source = clip.mkv' && mkdir "$work/state" && sed -i 's/^folder.*/&\nretention = 1d/' "$work/cameras.conf"
  "$MAKE_LOG" "$work/state/events.db" a 1700000000 'a dog' && [ "$(found "$work/state/events.db")" -eq 1 ] &&
    status 0 watch_a_while "$early" && [ "$(found "$work/state"/events.db.until-*Z)" -eq 0 ]
}
ok 'retention holds for a former log' old_log

# Two clips to their ends: captions of both on standard output, in one log, and a memory each.
two () {
  config '[camera first]' 'source = clip.mkv' 'min-confidence = 0' 'alerts = any: a man above 0.001 below 0.0005 cooldown 0s' \
    '[camera second]' "source = file://$work/clip.mkv" 'min-confidence = 0' 'interval = 500ms'
  status 0 watch || return 1
  cat "$work/out" "$work/err"
  grep -q '  first  [^!]' "$work/out" && grep -q '  second  [^!]' "$work/out" && grep -q 'first: watching' "$work/err" &&
    grep -q 'second: ended' "$work/err" && [ -s "$work/state/first.memory" ] && [ -s "$work/state/second.memory" ]
}
ok 'two clips' two
logged () {
  "$BITMAR" search "$work/state/events.db" 'a man' -k 100 --json > "$work/found" || return 1
  cat "$work/found"
  grep -q '"camera":"first"' "$work/found" &&
    grep -q '"camera":"second"' "$work/found" && grep -q '"alert":"any"' "$work/found"
}
ok 'both are in the log' logged
json () {
  status 0 watch --json --quiet || return 1
  cat "$work/out"
  [ ! -s "$work/err" ] && grep '"type":"caption"' "$work/out" | "$CHECK_JSON" + version:n type:s camera:s time:s text:s confidence:n novelty:n &&
    grep '"type":"state"' "$work/out" | head -n 1 | "$CHECK_JSON" + version:n type:s camera:s time:s state:s
}
ok '--json' json

# watch_until_back NAME SIGNAL: until that camera's frames have come twice.
watch_until_back () {
  : > "$work/err"
  "$BITMAR" watch "$work/cameras.conf" > "$work/out" 2> "$work/err" &
  watcher=$!
  for _ in $(seq 600); do
    sleep 0.1
    [ "$(grep -c "$1: watching" "$work/err")" -lt 2 ] || break
  done
  kill "-$2" $watcher
  result=0
  wait $watcher || result=$?
  cat "$work/out" "$work/err"
  [ "$(grep -c "$1: watching" "$work/err")" -ge 2 ] && grep -q "  $1  ." "$work/out"
}

# Of a camera that is not there and a file that is missing no harm comes to the clip, which is shown again and again; SIGTERM ends it well.
harmless () {
  config '[camera gone]' 'source = rtsp://127.0.0.1:1/gone' '[camera missing]' "$(printf 'source = no\033ne.mkv')" \
    '[camera clip]' 'source = clip.mkv' 'repeat = yes' 'min-confidence = 0'
  watch_until_back clip TERM && [ $result -eq 0 ] &&
    grep -q 'gone: waiting (..*)' "$work/err" && grep -q "missing: waiting (there is no file $work/no ne.mkv)" "$work/err" &&
    [ "$(grep -c 'gone: waiting' "$work/err")" -le 3 ]
}
ok 'what fails harms no other, and is told once' harmless

if [ -n "${RTSP_SERVER:-}" ]; then
  "$RTSP_SERVER" "$work/address" &
  server=$!
  until [ -s "$work/address" ] || ! kill -0 $server 2>/dev/null; do sleep 0.1; done
  # This camera hangs up after four seconds.
  comes_back () {
    config '[camera door]' "source = $(cat "$work/address")" 'min-confidence = 0'
    watch_until_back door INT && [ $result -eq 130 ]
  }
  ok 'a camera that hangs up is asked again' comes_back
  kill $server
  wait $server 2>/dev/null
else
  skip 'a camera that hangs up is asked again' 'no gst-rtsp-server'
fi
finish
