#!/usr/bin/env bash
# root.sh DIR PACKAGES PID1...: in namespaces of its own, gets a copy of this machine to change, in memory, and executes PID 1
# there. /packages is PACKAGES. Says READY before.
set -euo pipefail
dir=$1 packages=$2
shift 2

for part in usr var etc; do
  if mountpoint -q "/$part"; then
    echo "root.sh: /$part is a filesystem of its own, which the copy of / would not have" >&2
    exit 1
  fi
done
ip link set lo up
mount -t tmpfs tmpfs "$dir"
mkdir "$dir"/{changes,work,root}
mount -t overlay overlay -o "lowerdir=/,upperdir=$dir/changes,workdir=$dir/work" "$dir/root"
cd "$dir/root"
mount -t proc proc proc
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs tmpfs tmp
mount -t tmpfs -o mode=755 tmpfs dev
for device in null zero full random urandom tty; do
  touch dev/$device
  mount --bind /dev/$device dev/$device
done
ln -s /proc/self/fd dev/fd
mkdir -p dev/shm packages
mount --bind "$packages" packages
rm -f usr/sbin/policy-rc.d
# What systemd would do to the kernel is not ours to change, and of its units ours alone is of interest.
mount -t sysfs -o ro sysfs sys
mount --bind -o ro proc/sys proc/sys
rm -rf {lib,usr/lib,etc}/systemd/system/*.wants lib/systemd/system-generators
mkdir -p etc/systemd/system/sysinit.target.wants
ln -s /lib/systemd/system/systemd-journald.service etc/systemd/system/sysinit.target.wants/
ln -sf /lib/systemd/system/multi-user.target etc/systemd/system/default.target
if [[ $1 == /lib/systemd/systemd ]]; then mount -t cgroup2 cgroup2 sys/fs/cgroup; fi
mkdir before
pivot_root . before
umount -l /before
echo READY
export container=grpc-os-test
exec "$@" </dev/null >/dev/null 2>&1
