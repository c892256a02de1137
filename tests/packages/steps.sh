# SPDX-FileCopyrightText: 2026 The BitMar for GStreamer authors
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
#
# What run does in a chroot. Environment: chroots (their folder), suite, mirror, root (the tree), work.

# A picture, a clip and captions of both; of a test card no model is sure. Run by a shell in a chroot.
pipeline='cd /tmp && rm -f log.db
  gst-launch-1.0 -q videotestsrc num-buffers=90 ! video/x-raw,width=320,height=240,framerate=30/1 ! \
    bitmarencode thumbnail-width=64 ! bitmarmemory event-log=/tmp/log.db ! bitmarcaption name=c min-confidence=0 ! fakesink \
    c.json_src ! filesink location=/tmp/captions.json
  grep "\"text\":\"[a-z]" captions.json
  [ -s log.db ]
  gst-launch-1.0 -q videotestsrc num-buffers=5 ! bitmarcaptionbin min-confidence=0 ! fakesink
  rm -f log.db* captions.json'
# shellcheck disable=SC2034 # used by run
pictures='cd /tmp
  for kind in png jpeg; do
    gst-launch-1.0 -q videotestsrc num-buffers=1 ! ${kind}enc ! filesink location=picture.$kind
    bitmar caption picture.$kind | grep "picture.$kind: [a-z]"
    rm picture.$kind
  done'

# inside CHROOT COMMAND…
inside () {
  chroot=$chroots/$1
  shift
  chroot "$chroot" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"
}

# The rules of the host's network (a proxy, names) hold inside, too.
bootstrap () {
  kept=${BITMAR_BASE:+$BITMAR_BASE/$suite}
  if [ -n "$kept" ] && [ -d "$kept" ]; then
    cp -a "$kept" "$chroots/$1" || return 1
  else
    debootstrap --variant=minbase --include=ca-certificates "$suite" "$chroots/$1" "$mirror" || return 1
    [ -z "$kept" ] || { mkdir -p "$BITMAR_BASE" && cp -a "$chroots/$1" "$kept"; } || return 1
  fi
  cp /etc/resolv.conf /etc/hosts "$chroots/$1/etc/"
  grep -lis proxy /etc/apt/apt.conf /etc/apt/apt.conf.d/* | while read -r file; do cp "$file" "$chroots/$1/etc/apt/apt.conf.d/"; done
  echo force-unsafe-io > "$chroots/$1/etc/dpkg/dpkg.cfg.d/test"
  echo 'APT::Get::Assume-Yes "true"; Dpkg::Use-Pty "0";' > "$chroots/$1/etc/apt/apt.conf.d/99test"
  inside "$1" apt-get -q update
}

# copy FROM TO: a chroot of its own, in which /proc is mounted.
copy () {
  cp -a "$chroots/$1" "$chroots/$2"
  mount -t proc proc "$chroots/$2/proc"
}

drop () {
  umount "$chroots/$1/proc"
  rm -rf --one-file-system "${chroots:?}/$1"
}

tree_to () {
  mkdir "$chroots/$1/src"
  tar -C "$root" -c --exclude=./.git --exclude='./build*' --exclude=./.venv . | tar -C "$chroots/$1/src" -x --no-same-owner
}

packages_to () {
  mkdir -p "$chroots/$1/srv/bitmar"
  cp "$packages"/*.deb "$packages/Packages" "$chroots/$1/srv/bitmar"
}

# page CHROOT FOLDER HEADING [APT]: runs what is indented below that heading of docs/packages.md. APT: in place of apt-get.
page () {
  sed -n "/^$3\$/,/^## /s/^    //p" "$root/docs/packages.md" | sed "s/^apt-get install/${4:-apt-get} install/" > "$work/commands"
  [ -s "$work/commands" ] || { echo "docs/packages.md has no commands below \"$3\""; return 1; }
  cp "$work/commands" "$chroots/$1/tmp/commands"
  inside "$1" sh -exc 'cd "$1" && . /tmp/commands' - "$2"
  page_status=$?
  rm -f "$chroots/$1/tmp/commands"
  return $page_status
}

# All but what is overridden, of errors, warnings, informations and pedantry alike. "wtH" is what machine code happens to spell.
lint () {
  inside build apt-get -q --no-install-recommends install lintian > "$work/lint" 2>&1 || { cat "$work/lint"; return 1; }
  inside build sh -c 'lintian -E -I --pedantic --allow-root /src/build-packages/*.changes' > "$work/lint" 2>&1
  lint_status=$?
  cat "$work/lint"
  [ $lint_status -eq 0 ] && ! grep -v 'spelling-error-in-binary wtH ' "$work/lint" | grep '^[EWIPX]:'
}

# The program finds the library and the model where the image would be unpacked.
image () {
  inside "$1" sh -exc 'cp -a /src/image/. / && ldconfig && bitmar info | grep "^file *.*/usr/share/bitmar/bitmar.gguf" && bitmar --version'
}

ours () {
  sed -n 's/^Package: //p' "$chroots/$1/srv/bitmar/Packages" | grep -v dbgsym | sort -u
}

# apt takes what is signed, and nothing that was changed later.
signed () {
  inside "$1" apt-get -q --no-install-recommends install gnupg || return 1
  inside "$1" gpg --batch --quiet --passphrase '' --quick-gen-key 'Packages <packages@bitmar.example>' || return 1
  page "$1" / '## Sign' 'apt-get --no-install-recommends' || return 1
  inside "$1" apt-get -q --reinstall install bitmar-model || return 1
  echo >> "$chroots/$1/srv/bitmar/Packages"
  # What it has already it does not look at again.
  rm -f "$chroots/$1/var/lib/apt/lists"/*srv_bitmar*
  ! inside "$1" apt-get -q -o APT::Update::Error-Mode=any update
}

python () {
  inside "$1" apt-get -q --no-install-recommends install gir1.2-bitmar-1.0 python3-gi || return 1
  inside "$1" python3 -c 'import gi; gi.require_version("Bitmar", "1.0"); from gi.repository import Bitmar
print(Bitmar.Model.load(Bitmar.Model.default_path()).get_name())'
}

# parts CHROOT: what else there is to be installed works: a page that answers, a broker's section that is read, captions as ONVIF metadata, and pages.
# It has a network of its own, so that its port is free.
parts () {
  inside "$1" apt-get -q --no-install-recommends install bitmar-web bitmar-mqtt gstreamer1.0-bitmar-onvif bitmar-doc || return 1
  cat > "$chroots/$1/tmp/parts" <<'END'
cd /tmp
gst-inspect-1.0 bitmaronvif
for element in bitmaronvif rtpbitmaronvifpay; do gst-inspect-1.0 $element > /dev/null; done
gst-launch-1.0 -q videotestsrc num-buffers=90 ! video/x-raw,width=320,height=240,framerate=30/1 ! bitmarencode ! bitmarmemory ! \
  bitmarcaption name=c min-confidence=0 ! fakesink c.json_src ! bitmaronvif ! filesink location=captions.xml
grep '<tt:MetadataStream' captions.xml
test -s /usr/share/doc/bitmar-doc/bitmar-1.0/index.html
test -s /usr/share/doc/bitmar-doc/docs/packages.md
gst-launch-1.0 -q videotestsrc num-buffers=90 ! video/x-raw,width=320,height=240,framerate=30/1 ! jpegenc ! matroskamux ! filesink location=demo.mkv
printf '[watch]\nfolder = state\n[mqtt]\nbroker = mqtt://127.0.0.1:1\n[web]\n[camera demo]\nsource = demo.mkv\nrepeat = yes\n' > cameras.conf
bitmar watch --check cameras.conf
bitmar watch cameras.conf > said 2>&1 &
python3 - <<'PY' || { cat said; exit 1; }
import time, urllib.request
for _ in range(300):
    try:
        page = urllib.request.urlopen("http://127.0.0.1:8080/api/v1/cameras", timeout=60).read()
    except OSError:
        page = b""
    if b'"state":"watching"' in page:
        break
    time.sleep(0.2)
print(page)
assert b'"state":"watching"' in page
assert b"<html" in urllib.request.urlopen("http://127.0.0.1:8080/", timeout=60).read()
PY
kill %1
wait %1
rm -rf captions.xml demo.mkv state cameras.conf said
END
  unshare --net sh -c 'ip link set lo up && exec chroot "$1" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 bash -ex /tmp/parts' - "$chroots/$1"
}

# Everything of Debian's own that the commands of the page install, so that what is left behind by ours is seen.
dependencies () {
  echo 'deb [trusted=yes] file:/srv/bitmar ./' > "$chroots/$1/etc/apt/sources.list.d/first.list"
  inside "$1" apt-get -q update || return 1
  # shellcheck disable=SC2046 # several packages
  inside "$1" apt-get -s install $(ours "$1") gcc libc6-dev pkgconf gstreamer1.0-tools systemd | sed -n 's/^Inst \([^ ]*\) .*/\1/p' > "$work/all"
  ours "$1" > "$work/ours"
  rm "$chroots/$1/etc/apt/sources.list.d/first.list"
  # shellcheck disable=SC2046
  inside "$1" apt-get -q --no-install-recommends install $(grep -vxF -f "$work/ours" "$work/all")
}

# Files, folders and links with their rights, and what is in those of /etc. Caches, logs and the package manager's own are not ours.
files () {
  inside "$1" find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /tmp -o -path /srv -o -path /run -o -path /var/cache -o -path /var/log \
    -o -path /var/lib/dpkg -o -path /var/lib/apt -o -path /root -o -path /etc/ld.so.cache \
    -o -name '*.pyc' -o -name __pycache__ \) -prune -o -printf '%y %m %u %p %l\n' | sort
  inside "$1" find /etc -type f ! -name ld.so.cache -exec sha256sum {} + | sort
}

# The unit's command with its environment and as a user without rights. Where there is no systemd that runs, that is as near as it gets.
service () {
  cat > "$chroots/$1/tmp/service" <<'END'
set -e
cd /tmp
gst-launch-1.0 -q videotestsrc num-buffers=90 ! video/x-raw,width=320,height=240,framerate=30/1 ! jpegenc ! matroskamux ! filesink location=/var/tmp/demo.mkv
printf '[camera demo]\nsource = /var/tmp/demo.mkv\nmin-confidence = 0\n' > /etc/bitmar/cameras.conf
mkdir -p /var/lib/private/bitmar /run/bitmar /run/credentials
ln -sfn private/bitmar /var/lib/bitmar
install -o nobody -m 400 /etc/bitmar/cameras.conf /run/credentials/cameras.conf
chown nobody /var/lib/private/bitmar /run/bitmar
chmod 755 /var/lib/private
unit=/usr/lib/systemd/system/bitmar-watch.service
[ -e $unit ] || unit=/lib/systemd/system/bitmar-watch.service
variables=$(sed -n 's/^Environment=//p' $unit | sed 's#%S#/var/lib#')
command=$(sed -n 's/^ExecStart=//p' $unit | sed 's#${CREDENTIALS_DIRECTORY}#/run/credentials#')
setpriv --reuid=nobody --regid=nogroup --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all env -i $variables $command > said 2>&1 ||
  { cat said; exit 1; }
cat said
grep -q '  demo  [a-z]' said
grep -q 'demo: ended' said
chmod 700 /var/lib/private
rm -rf said /var/tmp/demo.mkv /run/credentials
END
  inside "$1" sh /tmp/service
  service_status=$?
  rm -f "$chroots/$1/tmp/service"
  return $service_status
}

# The same packages with a higher version, as the next release's.
upgrade () {
  inside "$1" sh -exc '
    cd /srv/bitmar
    version=$(dpkg-query -W -f "\${Version}" bitmar-tools)
    for package in *.deb; do
      rm -rf /tmp/next && dpkg-deb -R "$package" /tmp/next
      sed -i "s/^\(Version: .*\)/\1+next/; s/(= $version)/(= $version+next)/g" /tmp/next/DEBIAN/control
      rm "$package" && dpkg-deb --root-owner-group -b /tmp/next "${package%_*}+next_${package##*_}" > /dev/null
    done
    rm -rf /tmp/next' || return 1
  # Debian has no other program that makes the list, and dpkg-dev is not there.
  for package in "$chroots/$1/srv/bitmar"/*.deb; do
    dpkg-deb -f "$package"
    printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' "$(basename "$package")" "$(stat -c %s "$package")" "$(sha256sum "$package" | cut -d' ' -f1)"
  done > "$chroots/$1/srv/bitmar/Packages"
  page "$1" / '## Upgrade' || return 1
  inside "$1" sh -c 'dpkg-query -W -f "\${Version}\n" bitmar-tools libbitmar-1.0-0 bitmar-model | grep -c "+next$" | grep -qx 3'
}

can_boot () {
  cgroups=$(sed -n 's/^[^ ]* \([^ ]*\) cgroup2 .*/\1/p' /proc/mounts | head -n 1)
  [ -n "$cgroups" ] && mkdir "$cgroups/bitmar-try-$$" 2>/dev/null && rmdir "$cgroups/bitmar-try-$$"
}

# boot CHROOT: with systemd, as far as the commands on standard input need.
boot () {
  rm -f "$chroots/$1/srv/said"
  cat > "$chroots/$1/srv/check"
  cat > "$chroots/$1/srv/check.service" <<'END'
[Unit]
Description=Check of bitmar-watch
After=basic.target
Requires=basic.target
SuccessAction=exit
FailureAction=exit
FailureActionExitStatus=1
[Service]
Type=oneshot
ExecStart=/bin/sh -exc '. /srv/check'
StandardOutput=append:/srv/said
StandardError=append:/srv/said
END
  sh "$here/boot.sh" "$chroots/$1"
  boot_status=$?
  cat "$chroots/$1/srv/said" "$chroots/$1/srv/booted"
  return $boot_status
}

# The service starts, watches as nobody that has an account, is started again when it dies, but not after a mistake in its file.
booted () {
  inside "$1" gst-launch-1.0 -q videotestsrc num-buffers=90 ! video/x-raw,width=320,height=240,framerate=30/1 ! jpegenc ! matroskamux ! \
    filesink location=/srv/demo.mkv || return 1
  boot "$1" <<'END'
wait_for () {
  { set +x; } 2> /tmp/quiet
  for i in $(seq 60); do ! "$@" > /tmp/waited 2>&1 || { set -x; return 0; }; sleep 1; done
  cat /tmp/waited
  journalctl --no-pager -u bitmar-watch
  systemctl --no-pager status bitmar-watch
  return 1
}
pid () { systemctl show -p MainPID --value bitmar-watch; }
said () { journalctl --no-pager "_SYSTEMD_INVOCATION_ID=$(systemctl show -p InvocationID --value bitmar-watch)" | grep -q "$1"; }
export LC_ALL=C.UTF-8
printf '[camera demo]\nsource = /srv/demo.mkv\nmin-confidence = 0\nrepeat = yes\n' > /etc/bitmar/cameras.conf
chmod 600 /etc/bitmar/cameras.conf
systemctl start bitmar-watch
wait_for said '  demo  [a-z]'
[ "$(systemctl is-active bitmar-watch)" = active ]
[ "$(stat -c %u "/proc/$(pid)")" -ne 0 ]
grep -x 'CapEff:	0000000000000000' "/proc/$(pid)/status"
grep -x 'Seccomp:	2' "/proc/$(pid)/status"
wait_for sh -c 'bitmar search /var/lib/bitmar/events.db "a test card" | grep "  demo  "'
[ "$(stat -Lc %a /var/lib/bitmar)" = 700 ]
systemctl stop bitmar-watch
[ -s /var/lib/bitmar/demo.memory ]
systemctl start bitmar-watch
first=$(pid)
kill -KILL "$first"
another () { [ "$(pid)" -ne 0 ] && [ "$(pid)" -ne "$first" ]; }
wait_for another
systemctl stop bitmar-watch
cp /etc/bitmar/cameras.conf /tmp
echo 'sorce = x' >> /etc/bitmar/cameras.conf
systemctl start bitmar-watch || true
wait_for systemctl is-failed bitmar-watch
wait_for said "there is no key 'sorce'"
[ "$(systemctl show -p NRestarts --value bitmar-watch)" = 0 ]
rm /etc/bitmar/cameras.conf
systemctl reset-failed bitmar-watch
systemctl start bitmar-watch
[ "$(systemctl is-active bitmar-watch)" = inactive ]
cp /tmp/cameras.conf /etc/bitmar
END
}
