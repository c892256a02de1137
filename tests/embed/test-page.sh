#!/bin/sh
# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
# The commands of docs/embedding.md: a block of ```sh is a test, run where the root of the project would be, after the blocks before it.
set -eu
. "$(dirname "$0")/common.sh"
/usr/bin/python3 -c 'import gi' 2>/dev/null || skip_all 'no python3-gi'
command -v gi-docgen >/dev/null || skip_all 'no gi-docgen'
stage
[ -e "$GI_TYPELIB_PATH/Bitmar-1.0.typelib" ] || skip_all 'built without introspection'
[ -e "$BITMAR_MODULE_PATH/libbitmar-store-sqlite.so" ] || skip_all 'no SQLite'

# What is installed, and nothing else: the page's own install goes to the same place.
mkdir "$work/root" "$work/bin"
for entry in docs gst ext kernels memory models pipelines tests meson.build meson_options.txt; do ln -s "$BITMAR_ROOT/$entry" "$work/root/$entry"; done
ln -s "$BITMAR_BUILD" "$work/root/build"
ln -s /usr/bin/python3 "$work/bin/python3"
ln -s "$sys$BITMAR_PREFIX/bin/bitmar" "$work/bin/bitmar"
# pkg-config heeds DESTDIR, too: only meson may know it.
printf '#!/bin/sh\nDESTDIR="%s" exec "%s" "$@"\n' "$sys" "$(command -v meson)" >"$work/bin/meson"
chmod +x "$work/bin/meson"
export PATH="$work/bin:$PATH"
unset GI_TYPELIB_PATH
cd "$work/root"
# It stands for a recording, and for a picture of it.
clip clip.mp4

sed -n '/^```sh$/,/^```$/p' "$BITMAR_ROOT/docs/embedding.md" | awk -v work="$work" '/^```sh$/ { n++; next } /^```$/ { next } { print > (work "/block-" n) }'
blocks=$(find "$work" -maxdepth 1 -name 'block-*' | wc -l)
# What a block exports is there in the next.
block () {
  { echo 'set -eux'; [ ! -e "$work/env" ] || cat "$work/env"; cat "$1"; grep '^export ' "$1" >>"$work/env" || true; } >"$work/script"
  sh "$work/script"
}
i=1
while [ $i -le "$blocks" ]; do
  ok "$(grep -v '^#' "$work/block-$i" | head -1)" block "$work/block-$i"
  i=$((i + 1))
done
many () { [ "$blocks" -ge 7 ]; }
ok 'the page has commands' many
# Blocks in C, Python and meson are what the examples have.
quoted () {
  sed -n '/^```\(c\|python\|meson\)$/,/^```$/p' "$BITMAR_ROOT/docs/embedding.md" | grep -v '^```\|^  …$\|^…$\|^$' | sed 's/^ *//' >"$work/quoted"
  [ -s "$work/quoted" ] || return 1
  cat "$examples"/* | sed 's/^ *//' >"$work/all"
  while IFS= read -r line; do grep -qxF -e "$line" "$work/all" || { echo "in no example: $line"; return 1; }; done <"$work/quoted"
}
ok 'what the page quotes is in docs/examples' quoted
finish
