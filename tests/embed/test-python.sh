#!/bin/sh
# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
# GIR and typelib as they are installed, and docs/examples/engine.py beside engine.c.
set -eu
. "$(dirname "$0")/common.sh"
/usr/bin/python3 -c 'import gi' 2>/dev/null || skip_all 'no python3-gi'
stage
pictures
python () { (cd "$work" && BITMAR_TEST_FILES="$BITMAR_ROOT/tests/files" /usr/bin/python3 "$@"); }

folders () { [ -e "$sys$BITMAR_PREFIX/share/gir-1.0/Bitmar-1.0.gir" ] && [ -e "$lib/girepository-1.0/Bitmar-1.0.typelib" ]; }
# As models/meson.build does it, but a warning is an error.
scanner () {
  # shellcheck disable=SC2046 # several flags
  (cd "$work" && g-ir-scanner --quiet --warn-all --warn-error --namespace=Bitmar --nsversion=1.0 --identifier-prefix=Bitmar --symbol-prefix=bitmar \
    --include=GObject-2.0 --pkg=gobject-2.0 -I"$sys$BITMAR_PREFIX/include/bitmar-1.0" --library=bitmar-1.0 -L"$lib" --c-include=bitmar.h \
    --output="$work/again.gir" $(headers))
}
# Every function of the headers is there, and none is left out because it cannot be bound.
all_bound () {
  # shellcheck disable=SC2046 # several files
  sed -n 's/^BITMAR_API .*\<\(bitmar_[a-z_0-9]*\) (.*/\1/p' $(headers) | sort -u >"$work/declared"
  [ "$(wc -l <"$work/declared")" -gt 70 ] || return 1
  while read -r function; do
    grep -q "c:identifier=\"$function\"\|get-type=\"$function\"" "$sys$BITMAR_PREFIX/share/gir-1.0/Bitmar-1.0.gir" || { echo "$function"; return 1; }
  done <"$work/declared"
  ! grep -n 'introspectable="0"' "$sys$BITMAR_PREFIX/share/gir-1.0/Bitmar-1.0.gir"
}

ok 'GIR and typelib are installed where they belong' folders
ok 'g-ir-scanner warns of nothing' scanner
ok 'all that the headers declare is bound' all_bound
compile "$examples/engine.c" bitmar-1.0
export BITMAR_MODEL_SHIPPED="$BITMAR_MODEL" BITMAR_MODEL="$BITMAR_TINY"
# The API from Python, a line of TAP each.
tests=$(python "$BITMAR_ROOT/tests/embed/bindings.py" --list)
for test in $tests; do
  case $test in *log*) [ -e "$lib/bitmar-1.0/libbitmar-store-sqlite.so" ] || { skip "Python: $test" 'no SQLite'; continue; } ;; esac
  ok "Python: $(echo "$test" | tr _ ' ')" python "$BITMAR_ROOT/tests/embed/bindings.py" "$test"
done

both () {
  (cd "$work" && ./engine "c-$1.db" 'a dog' a.ppm b.ppm a.ppm) >"$work/c" && grep -q 'sure' "$work/c" || return 1
  python "$examples/engine.py" "py-$1.db" 'a dog' a.ppm b.ppm a.ppm >"$work/py" && same "$work/c" "$work/py"
}
if [ -e "$lib/bitmar-1.0/libbitmar-store-sqlite.so" ]; then
  ok 'engine.py prints what engine.c does' both tiny
  BITMAR_MODEL="$BITMAR_MODEL_SHIPPED" ok '… with the shipped model, too' both shipped
  ok '… tells a file that is no picture' fails 'no PPM' python "$examples/engine.py" py.db x engine
  ok '… tells a file that is missing' fails 'No such file' python "$examples/engine.py" py.db x none.ppm
  ok '… tells a log in no folder' fails 'engine.py: nowhere/py.db: ' python "$examples/engine.py" nowhere/py.db x a.ppm
  ok '… tells that SQLite is missing' fails 'no event log here' env BITMAR_MODULE_PATH=/nowhere /usr/bin/python3 "$examples/engine.py" "$work/py.db" x "$work/a.ppm"
else
  skip 'engine.py' 'no SQLite'
fi
finish
