#!/bin/sh
# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
# The library as somebody else's build sees it, and docs/examples/engine.c.
set -eu
. "$(dirname "$0")/common.sh"
stage
pictures

# Each header by itself, in C and, where there is a compiler, in C++.
alone () {
  for header in $(headers); do
    echo "#include <$(basename "$header")>" >"$work/header.c"
    # shellcheck disable=SC2046,SC2086 # several flags
    $1 -Wall -Wextra -Werror -fsyntax-only $(pkg-config --cflags bitmar-1.0) "$work/header.c" || return 1
  done
}
all_installed () {
  for header in $(headers); do
    [ -e "$header" ] || { echo "$header"; return 1; }
  done
}
soname () { readelf -d "$lib/libbitmar-1.0.so" | grep -q 'SONAME.*\[libbitmar-1.0.so.0\]'; }
# Nothing but what the headers declare may be relied on.
symbols () {
  nm -D --defined-only "$lib/libbitmar-1.0.so" | sed -n 's/.* [TDBR] //p' | sort >"$work/exported"
  # shellcheck disable=SC2046 # several files
  cat $(headers) >"$work/all.h"
  while read -r symbol; do
    grep -q "\<$symbol\>\|G_DECLARE_FINAL_TYPE ([A-Za-z]*, ${symbol%_get_type}," "$work/all.h" || { echo "$symbol is exported, and in no header"; return 1; }
  done <"$work/exported"
  [ "$(wc -l <"$work/exported")" -gt 80 ]
}
with_meson () {
  mkdir -p "$work/app"
  cp "$examples/engine.c" "$work/app/"
  printf '%s\n' "project('app', 'c')" "executable('engine', 'engine.c', dependencies : dependency('bitmar-1.0', version : '>= 0.1'))" >"$work/app/meson.build"
  (cd "$work/app" && meson setup build && ninja -C build)
}

ok 'every header of bitmar.h is installed' all_installed
ok 'each header compiles alone' alone "${CC:-cc} -x c"
if command -v c++ >/dev/null; then ok 'each header compiles as C++' alone 'c++ -x c++'; else skip 'each header compiles as C++' 'no c++'; fi
ok 'the soname is libbitmar-1.0.so.0' soname
ok 'what is exported is what the headers declare' symbols
ok 'engine.c builds with what pkg-config says' compile "$examples/engine.c" bitmar-1.0
ok 'engine.c builds with dependency() of meson' with_meson

export BITMAR_MODEL_SHIPPED="$BITMAR_MODEL" BITMAR_MODEL="$BITMAR_TINY"
run () { (cd "$work" && "$@"); }
captions () { run ./engine events.db 'a red car' a.ppm b.ppm a.ppm >"$work/out" && grep -c 'sure' "$work/out" | grep -qx 3; }
remembers () { sed -n 3p "$work/out" | grep -q '^a.ppm: .* 0.00 new: '; }
finds () { grep -c '^found .*: yard: ' "$work/out" | grep -qx 3; }
as_always () {
  run ./engine again.db 'a red car' a.ppm b.ppm a.ppm >"$work/again" && same "$work/out" "$work/again"
}
# The log is there the next time.
lasts () { run ./engine events.db 'a red car' b.ppm >"$work/more" && grep -c '^found' "$work/more" | grep -qx 3; }
if [ -e "$lib/bitmar-1.0/libbitmar-store-sqlite.so" ]; then
  ok 'engine captions three pictures' captions
  ok '… knows the one that it has seen' remembers
  ok '… finds events in its log' finds
  ok '… says the same every time' as_always
  ok '… goes on with a log that is there' lasts
  ok '… tells a file that is no picture' fails 'meson.build is no PPM' run ./engine events.db x app/meson.build
  ok '… tells a model that is missing' fails '/nowhere: No such file' env BITMAR_MODEL=/nowhere "$work/engine" "$work/events.db" x "$work/a.ppm"
  ok '… tells a log of another model' fails 'model' env BITMAR_MODEL="$BITMAR_MODEL_SHIPPED" "$work/engine" "$work/events.db" x "$work/a.ppm"
else
  skip 'engine' 'no SQLite'
fi
finish
