#!/bin/sh
# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
# The reference of the library: all is documented, and every link leads somewhere.
set -eu
. "$(dirname "$0")/common.sh"
command -v gi-docgen >/dev/null || skip_all 'no gi-docgen'
reference=$BITMAR_ROOT/docs/reference
gir=$BITMAR_BUILD/models/Bitmar-1.0.gir

generate () { gi-docgen generate --quiet --fatal-warnings --no-namespace-dir --config "$reference/bitmar.toml" --content-dir "$reference" --output-dir "$work/html" "$1"; }
# Also those that it leaves as they were written because there is no such thing.
links () {
  if grep -l '\[[a-z]*@Bitmar' "$work"/html/*.html; then return 1; fi
  sed -n 's/href="/\n&/gp' "$work"/html/*.html | sed -n 's/^href="\([^"#]*\).*/\1/p' | grep -v '^https\{0,1\}:\|^javascript:\|^$' | sort -u >"$work/links"
  [ "$(wc -l <"$work/links")" -gt 80 ] || return 1
  while read -r link; do [ -e "$work/html/$link" ] || { echo "$link"; return 1; }; done <"$work/links"
}
# The test itself: what is not documented, and a link to nothing, are found.
blind () {
  sed -z 's|<doc[^>]*>How much it remembers\.</doc>||' "$gir" >"$work/bare.gir"
  cmp -s "$gir" "$work/bare.gir" && return 1
  ! gi-docgen check --quiet --fatal-warnings --config "$reference/bitmar.toml" "$work/bare.gir"
}
astray () {
  sed 's/\[method@Bitmar.Captioner.cancel\]/[method@Bitmar.Captioner.none]/' "$gir" >"$work/astray.gir"
  ! { generate "$work/astray.gir" && links; }
}

version () { grep -q "version : '$(sed -n 's/^version = "\(.*\)"/\1/p' "$reference/bitmar.toml")'" "$BITMAR_ROOT/meson.build"; }

ok 'it is of the version that is built' version
ok 'everything public is documented' gi-docgen check --quiet --fatal-warnings --config "$reference/bitmar.toml" "$gir"
ok 'the reference is made without a warning' generate "$gir"
ok 'every link leads somewhere' links
ok 'what is not documented would be found' blind
ok 'a link to nothing would be found' astray
finish
