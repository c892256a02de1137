#!/bin/sh
# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The service of docs/security.md is one that systemd takes, and is locked in as far as is said there.
set -u
page=$(dirname "$0")/../../docs/security.md
command -v systemd-analyze >/dev/null || { echo '1..0 # SKIP no systemd-analyze'; exit 0; }
systemd-analyze --help | grep -q -- --offline || { echo '1..0 # SKIP systemd-analyze knows no --offline'; exit 0; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unit=$work/bitmar@.service
# Where it is installed is not the matter here.
sed -n '/^```ini$/,/^```$/p' "$page" | sed '/^```/d; s#^ExecStart=[^ ]*#ExecStart=/bin/true#' > "$unit"
status=0
# check NAME COMMAND…: one TAP line.
check () {
  number=$((${number:-0} + 1)) name=$1
  shift
  if "$@" > "$work/log" 2>&1; then
    echo "ok $number - $name"
  else
    echo "not ok $number - $name"
    sed 's/^/# /' "$work/log"
    status=1
  fi
}
echo 1..3
check 'there is a unit' grep -q '^SystemCallFilter=' "$unit"
quiet () { systemd-analyze verify "$unit" > "$work/said" 2>&1 && [ ! -s "$work/said" ] || { cat "$work/said"; return 1; }; }
check 'systemd takes it' quiet
check 'its exposure is at most 1.5 of 10' systemd-analyze security --offline=yes --threshold=15 "$unit"
exit $status
