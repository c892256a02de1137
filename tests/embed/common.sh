# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
#
# Read by the tests beside it. Environment: BITMAR_ROOT, BITMAR_BUILD, BITMAR_PREFIX and BITMAR_LIBDIR (where the build installs), BITMAR_TINY, BITMAR_MODEL.
# shellcheck source=tests/pipelines/common.sh
. "$BITMAR_ROOT/tests/pipelines/common.sh"

examples=$BITMAR_ROOT/docs/examples

skip_all () {
  echo "1..0 # SKIP $1"
  exit
}

# Installs into $work/sys, which looks like a system where nothing else of ours is: what a compiler, Python and GStreamer find is that.
stage () {
  sys=$work/sys
  [ "$BITMAR_PREFIX" != /usr ] || skip_all 'what is installed into /usr cannot be told from the system'
  meson install -C "$BITMAR_BUILD" --no-rebuild --quiet --destdir "$sys" >"$work/install" 2>&1 || { cat "$work/install" >&2; exit 1; }
  # The rest of the system, so that pkg-config's --sysroot finds GLib where it is.
  if [ -d "$sys/usr" ]; then
    for folder in include lib share; do ln -s "/usr/$folder" "$sys/usr/$folder"; done
  else
    ln -s /usr "$sys/usr"
  fi
  lib=$sys$BITMAR_PREFIX/$BITMAR_LIBDIR
  export PKG_CONFIG_SYSROOT_DIR="$sys" PKG_CONFIG_PATH="$lib/pkgconfig" LD_LIBRARY_PATH="$lib" GI_TYPELIB_PATH="$lib/girepository-1.0"
  export BITMAR_MODULE_PATH="$lib/bitmar-1.0" GST_PLUGIN_PATH="$lib/gstreamer-1.0" GST_REGISTRY="$work/registry.bin"
  unset GST_PLUGIN_PATH_1_0 GST_REGISTRY_1_0
}

# The public headers of the library, as they are installed. Beside them is one for GStreamer's users.
headers () {
  for header in bitmar.h $(sed -n 's/^#include "\(bitmar-.*\)"/\1/p' "$BITMAR_ROOT/models/bitmar.h"); do
    echo "$sys$BITMAR_PREFIX/include/bitmar-1.0/$header"
  done
}

# compile SOURCE PACKAGES…: into $work/NAME, with nothing but what pkg-config says.
compile () {
  source=$1
  shift
  # shellcheck disable=SC2046 # several flags
  ${CC:-cc} -Wall -Wextra -Wpedantic -Werror "$source" -o "$work/$(basename "$source" .c)" $(pkg-config --cflags --libs "$@")
}

# A picture of smooth shapes, and one of another kind.
pictures () {
  picture "$work/a.ppm" pnmenc 160 120 smpte
  picture "$work/b.ppm" pnmenc 160 120 circular
}

# says TEXT COMMAND…: standard output and error have TEXT (a basic regular expression).
says () {
  text=$1
  shift
  "$@" >"$work/said" 2>&1 || true
  grep -q -e "$text" "$work/said" || { echo "no '$text' in:"; cat "$work/said"; return 1; }
}

# fails TEXT COMMAND…: exit status 1, and a line that says why.
fails () {
  text=$1
  shift
  status 1 "$@" >"$work/said" 2>&1 && grep -q -e "$text" "$work/said" || { cat "$work/said"; return 1; }
}

same () {
  cmp "$1" "$2" || { cat "$1" "$2"; return 1; }
}
