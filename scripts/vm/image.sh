#!/usr/bin/env bash
# scripts/vm/image.sh BIN_DIR: a disk with a Debian on which gRPC OS is installed from BIN_DIR and deploy/systemd, not yet
# booted, at build/vm/disk.img; its kernel and initrd beside it. Needs root (chroot).
set -euo pipefail
cd "$(dirname "$0")/../.."

[[ $(id -u) -eq 0 ]] || { echo "image.sh: making a root file system needs root; run: sudo make verify-vm" >&2; exit 1; }
[[ $(dpkg --print-architecture) == amd64 ]] || {
  echo "image.sh: the virtual machine is an amd64 one and takes the programs of this machine, which is not" >&2
  exit 1
}
bin=$1
programs=("$bin"/grpc-os-init "$bin"/grpc-os-supervise "$bin"/grpc-osd "$bin"/grpc-os)
libraries=$(scripts/vm/libraries.sh "${programs[@]}")
# shellcheck disable=SC2086
base=$(scripts/vm/debian_root.sh $libraries)

stage=$(mktemp -d build/vm/stage.XXXXXX)
trap 'rm -rf "$stage"' EXIT
cp -a --reflink=auto "$base/." "$stage"
guest=scripts/vm/guest
# Our programs, as a package would lay them.
install -m 0755 "${programs[@]}" "$stage/usr/bin/"
install -D -m 0644 deploy/systemd/grpc-os.service "$stage/lib/systemd/system/grpc-os.service"
install -D -m 0644 deploy/systemd/grpc-os.sysusers "$stage/usr/lib/sysusers.d/grpc-os.conf"
install -D -m 0644 deploy/systemd/system-accounts "$stage/etc/grpc-os/system-accounts"
install -D -m 0644 "$guest/accounts" "$stage/etc/grpc-os/accounts"
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
chroot "$stage" systemctl --quiet enable grpc-os.service vm-agent.service vm-api.socket systemd-networkd.service
# Hours of a timer's work are none of the tests' business.
chroot "$stage" systemctl --quiet mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer \
  systemd-networkd-wait-online.service

cp -L "$stage"/boot/vmlinuz-* build/vm/vmlinuz
cp -L "$stage"/boot/initrd.img-* build/vm/initrd
rm -f build/vm/disk.img.new
mkfs.ext4 -q -d "$stage" -L root build/vm/disk.img.new 3G
mv build/vm/disk.img.new build/vm/disk.img
