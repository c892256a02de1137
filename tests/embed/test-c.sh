#!/bin/sh
# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-c.sh [--update]: --update writes tests/files/abi.txt anew, which is right only for what is added.
#
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
# What programs were built against: as long as the soname is the same this may only grow.
abi () {
  compile "$BITMAR_ROOT/tests/embed/abi.c" bitmar-1.0 && { "$work/abi" && cat "$work/exported"; } >"$work/abi.txt" || return 1
  [ "${1:-}" != --update ] || cp "$work/abi.txt" "$BITMAR_ROOT/tests/files/abi.txt"
  diff "$BITMAR_ROOT/tests/files/abi.txt" "$work/abi.txt"
}
variables () { [ "$(pkg-config --variable=modeldir bitmar-1.0)" = "$sys$BITMAR_PREFIX/share/bitmar" ] && [ "$(pkg-config --variable=modulesdir bitmar-1.0)" = "$lib/bitmar-1.0" ]; }
with_meson () {
  cp -R "$examples" "$work/app"
  meson setup -Dwerror=true "$work/app-build" "$work/app" && ninja -C "$work/app-build"
}

ok 'every header of bitmar.h is installed' all_installed
ok 'each header compiles alone' alone "${CC:-cc} -x c"
if command -v c++ >/dev/null; then ok 'each header compiles as C++' alone 'c++ -x c++'; else skip 'each header compiles as C++' 'no c++'; fi
with_frames () {
  printf '%s\n' '#include <bitmar-gstvideo.h>' 'gboolean look (const GstVideoFrame *frame, BitmarImage *image);' \
    'gboolean look (const GstVideoFrame *frame, BitmarImage *image) { return bitmar_image_from_video_frame (image, frame); }' >"$work/frames.c"
  # shellcheck disable=SC2046 # several flags
  ${CC:-cc} -Wall -Wextra -Werror -c $(pkg-config --cflags bitmar-1.0 gstreamer-video-1.0) "$work/frames.c" -o "$work/frames.o"
}
ok 'bitmar-gstvideo.h is for who has GStreamer' with_frames
ok 'the soname is libbitmar-1.0.so.0' soname
ok 'what is exported is what the headers declare' symbols
case $(uname -m) in
  x86_64 | aarch64) ok 'symbols, structs and enumerations are as in tests/files/abi.txt' abi "$@" ;;
  *) skip 'symbols, structs and enumerations are as in tests/files/abi.txt' 'another kind of machine' ;;
esac
ok 'pkg-config tells where models and modules are' variables
ok 'engine.c builds with what pkg-config says' compile "$examples/engine.c" bitmar-1.0
ok 'the examples build with their meson.build' with_meson

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
