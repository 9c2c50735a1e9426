#!/usr/bin/env bash
# scripts/vm/image.sh PACKAGES NEWER: two disks with a Debian, not yet booted, under build/vm, and their kernel and initrd.
# On disk.img the packages (*.deb) of the directory PACKAGES are installed; on disk-bare.img only what they need is.
# /srv/packages and /srv/newer of both have the packages and those of a higher version. Needs root (chroot).
set -euo pipefail
cd "$(dirname "$0")/../.."

[[ $(id -u) -eq 0 ]] || { echo "image.sh: making a root file system needs root; run: sudo make verify-vm" >&2; exit 1; }
[[ $(dpkg --print-architecture) == amd64 ]] || {
  echo "image.sh: the virtual machine is an amd64 one and takes the packages of this machine, which is not" >&2
  exit 1
}
packages=$1 newer=$2
dependencies=$(scripts/vm/dependencies.sh "$packages"/*.deb "$newer"/*.deb)
# shellcheck disable=SC2086
base=$(scripts/vm/debian_root.sh $dependencies)

stage=$(mktemp -d build/vm/stage.XXXXXX)
trap 'rm -rf "$stage"' EXIT
disk() {  # disk NAME: of what is in the stage
  rm -f "build/vm/$1.new"
  mkfs.ext4 -q -d "$stage" -L root "build/vm/$1.new" 3G
  mv "build/vm/$1.new" "build/vm/$1"
}

cp -a --reflink=auto "$base/." "$stage"
guest=scripts/vm/guest
install -D -m 0644 -t "$stage/srv/packages" "$packages"/*.deb
install -D -m 0644 -t "$stage/srv/newer" "$newer"/*.deb
# What the tests need: other accounts, a way in, a network.
install -D -m 0644 "$guest/accounts.sysusers" "$stage/usr/lib/sysusers.d/vm-accounts.conf"
install -D -m 0755 "$guest/agent.py" "$stage/usr/local/lib/vm-agent"
install -m 0644 "$guest"/*.service "$guest"/*.socket "$stage/etc/systemd/system/"
install -D -m 0644 "$guest/vm.network" "$stage/etc/systemd/network/vm.network"
echo grpc-os-vm >"$stage/etc/hostname"
mkdir -p "$stage/var/log/journal"
chroot "$stage" systemd-sysusers
# Else the first boot counts as an installation and enables whatever there is.
rm -f "$stage/etc/machine-id"
chroot "$stage" systemd-machine-id-setup >/dev/null 2>&1
chroot "$stage" systemctl --quiet enable vm-agent.service vm-api.socket systemd-networkd.service
# Hours of a timer's work are none of the tests' business, nor is a page of Debian's nginx on port 80.
chroot "$stage" systemctl --quiet mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer nginx.service \
  systemd-networkd-wait-online.service
cp -L "$stage"/boot/vmlinuz-* build/vm/vmlinuz
cp -L "$stage"/boot/initrd.img-* build/vm/initrd
disk disk-bare.img

chroot "$stage" sh -c 'dpkg -i /srv/packages/*.deb' >build/vm/dpkg.log 2>&1 || {
  cat build/vm/dpkg.log >&2
  echo "image.sh: dpkg does not install $packages (above)" >&2
  exit 1
}
# As an administrator names the accounts that processes may run as.
install -m 0644 "$guest/accounts" "$stage/etc/grpc-os/accounts"
disk disk.img
