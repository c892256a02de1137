#!/bin/sh
# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
# boot.sh CHROOT
#
# Boots the systemd in CHROOT as far as /srv/check.service needs, in namespaces and a cgroup of its own, without a network. Ends with the status of that
# service; what it said is in CHROOT/srv/said. 77: there is no cgroup v2 to be had.
set -eu
if [ -z "${BITMAR_BOOT:-}" ]; then
  cgroups=$(sed -n 's/^[^ ]* \([^ ]*\) cgroup2 .*/\1/p' /proc/mounts | head -n 1)
  group=$cgroups/bitmar-packages-$$
  [ -n "$cgroups" ] && mkdir "$group" 2>/dev/null || exit 77
  # What a boot leaves behind are empty groups.
  trap 'find "$group" -depth -type d -exec rmdir {} \; 2>/dev/null || true' EXIT
  trap 'exit 1' INT TERM HUP
  status=0
  BITMAR_BOOT=$group unshare --fork sh "$0" "$1" || status=$?
  exit "$status"
fi
if [ "$BITMAR_BOOT" != inside ]; then
  echo $$ > "$BITMAR_BOOT/cgroup.procs"
  BITMAR_BOOT=inside exec timeout --signal=KILL 300 unshare --mount --pid --fork --kill-child --cgroup --uts --ipc --net sh "$0" "$1"
fi
mount --make-rprivate /
# A root that is mounted, not a folder in one: systemd makes its services' own of it.
mount --bind "$1" "$1"
cd "$1"
mount -t proc proc proc
# The kernel is the host's: nothing in it is to be set.
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
mkdir -p run/systemd/system
cp srv/check.service run/systemd/system
for unit in systemd-sysctl.service systemd-modules-load.service systemd-udevd.service sys-kernel-debug.mount sys-kernel-tracing.mount; do
  ln -s /dev/null "run/systemd/system/$unit"
done
mkdir -p srv/host
pivot_root . srv/host
umount -l srv/host
# As on a machine; in a container systemd leaves that to who made it, and its credentials need it.
mount --make-rshared /
exec env -i container=bitmar-test PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --unit=check.service --log-target=console > /srv/booted 2>&1
