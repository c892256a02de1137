#!/bin/sh
# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What docs/packaging says of the tree is so, and what is installed into a folder works there. Environment as for ../pipelines, and BITMAR_BUILD.
set -u
. "$(dirname "$0")/../pipelines/common.sh"
root=$(cd "$(dirname "$0")/../.." && pwd)
debian=$root/docs/packaging/debian
library=$BITMAR_BUILD/models/libbitmar-1.0.so

version_of () { sed -n '1s/^[a-z-]* (\(.*\)).*/\1/p' "$1/changelog"; }
version () { [ "$("$BITMAR" --version)" = "bitmar $(version_of "$debian")" ]; }
ok 'the version is that of the changelog' version
model_version () { "$BITMAR" info "$root/models/weights/bitmar.gguf" | grep -qx "  general.version = $(version_of "$root/docs/packaging/model/debian")"; }
if [ -r "$root/models/weights/bitmar.gguf" ]; then
  ok "the model's version is that of its changelog" model_version
else
  skip "the model's version is that of its changelog" 'no models/weights/bitmar.gguf'
fi

ok 'libbitmar-1.0-0.symbols has what the library exports' "$root/docs/packaging/symbols" --check "$library"

# options COMMAND: the long ones that its --help tells.
options () {
  "$BITMAR" "$1" --help | sed -n '/^Application Options/,/^$/s/^  \(-., \)\{0,1\}--\([a-z0-9-]*\).*/\2/p'
}
manual () {
  missing=''
  # `info` has no help of its own.
  for command in $("$BITMAR" --help | sed -n 's/^  bitmar \([a-z]*\) .*/\1/p' | grep -vx info | sort -u); do
    sed -n "/^\.Ss bitmar $command\$/,/^\.S[hs] /p" "$root/pipelines/bitmar.1" | sed 's/\\//g' > "$work/part"
    for option in $(options "$command"); do
      [ "$option" = version ] || grep -q -- "-$option\b" "$work/part" || missing="$missing $command --$option"
    done
  done
  [ -z "$missing" ] || { echo "pipelines/bitmar.1 has not:$missing"; return 1; }
}
ok 'the manual has every option' manual
if command -v man > /dev/null; then
  ok 'and no mistake' sh -c '[ -z "$(man -l --warnings "$1/pipelines/bitmar.1" 2>&1 > /dev/null)" ]' - "$root"
else
  skip 'and no mistake' 'no man'
fi

# completes WORDS… WANTED: bash offers it for the last of the words.
completes () {
  bash -c '. "$1"; shift; wanted=${*: -1}; COMP_WORDS=("${@:1:$#-1}"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    compopt () { :; }; _bitmar; printf "%s\n" "${COMPREPLY[@]}" | tee /dev/stderr | grep -qx -e "$wanted"' - "$root/pipelines/bitmar.bash" "$@"
}
if command -v bash > /dev/null; then
  ok 'a command is completed' completes "$BITMAR" wa watch
  ok "a command's option is completed" completes "$BITMAR" watch --ch --check
  ok 'an option with a value is completed' completes "$BITMAR" search --thu --thumbnails=
else
  skip 'a command is completed' 'no bash'
fi

# ---- What is installed ----
image=$work/image
prefix=$(python3 -c 'import json, sys; print(next(o["value"] for o in json.load(open(sys.argv[1])) if o["name"] == "prefix"))' \
  "$BITMAR_BUILD/meson-info/intro-buildoptions.json")
libdir=$prefix/$(python3 -c 'import json, sys; print(next(o["value"] for o in json.load(open(sys.argv[1])) if o["name"] == "libdir"))' \
  "$BITMAR_BUILD/meson-info/intro-buildoptions.json")
ok 'installed into a folder' env DESTDIR="$image" meson install -C "$BITMAR_BUILD" --no-rebuild --quiet

# Every file is in a package, and every file of a package is there, but for parts that were not built.
packaged () {
  (cd "$image$prefix" && find . ! -type d | sed 's#^\./#usr/#' | sort) > "$work/installed"
  cat "$debian"/*.install > "$work/patterns"
  echo usr/share/gir-1.0 >> "$work/patterns"
  python3 - "$work/installed" "$work/patterns" <<'PY'
import fnmatch, sys
files = open(sys.argv[1]).read().split()
patterns = open(sys.argv[2]).read().split()
def covers(pattern, file):
    return fnmatch.fnmatch(file, pattern) or fnmatch.fnmatch(file, pattern + "/*")
stray = [f for f in files if not any(covers(p, f) for p in patterns) and "/share/bitmar/" not in f]
needed = ["libgstbitmar.so", "libbitmar-1.0.so", "bitmar.h", "bitmar-1.0.pc", "bin/bitmar", "man1/bitmar.1"]
missing = [n for n in needed if not any(f.endswith(n) for f in files)]
if stray: print("in no package:", *stray)
if missing: print("not installed:", *missing)
sys.exit(bool(stray or missing))
PY
}
ok 'every file that is installed is in a package' packaged
rights () { find "$image" \( -type f ! -perm 644 ! -path '*/bin/*' ! -name '*.so*' -o -perm /022 ! -type l \) | (! grep .); }
ok 'nobody else may write what is installed' rights
# A path of the build would be looked through by the loader wherever the program runs.
ok 'no path of the build is in what is installed' sh -c \
  'for file in "$1$2/bin/bitmar" "$1$3"/libbitmar-1.0.so "$1$3"/gstreamer-1.0/*.so "$1$3"/bitmar-1.0/*.so; do
     [ ! -e "$file" ] || readelf -d "$file" | (! grep -E "R(UN)?PATH") || exit 1
   done' - "$image" "$prefix" "$libdir"

# there COMMAND…: with what is installed, and nothing of the build.
there () {
  env -u BITMAR_MODEL LD_LIBRARY_PATH="$image$libdir" GST_PLUGIN_PATH="$image$libdir/gstreamer-1.0" GST_REGISTRY="$work/registry" \
    BITMAR_MODULE_PATH="$image$libdir/bitmar-1.0" "$@"
}
picture "$work/picture.png" pngenc
model=$image$prefix/share/bitmar/bitmar.gguf
if [ -e "$model" ]; then
  captioned () { there env BITMAR_MODEL="$model" "$image$prefix/bin/bitmar" caption "$work/picture.png" | grep -q "picture.png: [a-z]"; }
  ok 'the installed program captions with the installed model' captioned
  ok 'the licence of the model is beside it' grep -q 'NonCommercial' "$image$prefix/share/bitmar/LICENSE"
else
  skip 'the installed program captions with the installed model' 'no models/weights/bitmar.gguf'
fi
logged () {
  there env BITMAR_MODEL="$root/tests/files/tiny.gguf" gst-launch-1.0 -q videotestsrc num-buffers=30 ! bitmarencode ! \
    bitmarmemory event-log="$work/log.db" ! bitmarcaption min-confidence=0 ! fakesink && [ -s "$work/log.db" ]
}
if [ -e "$image$libdir/bitmar-1.0/libbitmar-store-sqlite.so" ]; then
  ok 'the installed plugin logs with the installed module' logged
else
  skip 'the installed plugin logs with the installed module' 'no SQLite'
fi
program () {
  echo '#include <bitmar.h>
  int main (void) { return bitmar_model_load ("/nonexistent", NULL) != NULL; }' > "$work/name.c"
  sed "s#^prefix=.*#prefix=$image$prefix#" "$image$libdir/pkgconfig/bitmar-1.0.pc" > "$work/bitmar-1.0.pc"
  there env PKG_CONFIG_PATH="$work" sh -c 'cc -o "$1/name" "$1/name.c" $(pkg-config --cflags --libs bitmar-1.0) && "$1/name"' - "$work"
}
ok 'a program is compiled against what is installed' program

# ---- The service ----
unit=$work/bitmar-watch.service
sed 's#^ExecStart=[^ ]*#ExecStart=/bin/true#' "$debian/bitmar-tools.bitmar-watch.service" > "$unit"
if systemd-analyze --help 2>/dev/null | grep -q -- --offline; then
  quiet () { systemd-analyze verify --man=no "$unit" > "$work/said" 2>&1 && [ ! -s "$work/said" ] || { cat "$work/said"; return 1; }; }
  ok 'systemd takes the service' quiet
  ok 'its exposure is at most 1.5 of 10' systemd-analyze security --offline=yes --threshold=15 "$unit"
else
  skip 'systemd takes the service' 'no systemd-analyze --offline'
fi
# What locks the service of docs/security.md in locks this one in, too.
locked () {
  sed -n '/^```ini$/,/^```$/p' "$root/docs/security.md" | grep -E '^(Protect|Private|Restrict[A-Z]|NoNew|Capab|Lock|MemoryDeny|SystemCall|IPAddressDeny|UMask|DynamicUser)' |
    grep -v '^RestartSec' | sort > "$work/promised"
  sort "$unit" | comm -23 "$work/promised" - | (! grep .)
}
ok 'it is as locked in as docs/security.md says' locked
example () { BITMAR_MODEL=$root/tests/files/tiny.gguf "$BITMAR" watch --check "$debian/examples/cameras.conf"; }
ok 'its example has no mistake' example
finish
