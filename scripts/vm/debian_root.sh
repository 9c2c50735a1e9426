#!/usr/bin/env bash
# scripts/vm/debian_root.sh PACKAGE...: a Debian of the same release as this machine, with systemd, a kernel and the given
# packages, as a directory under build/vm. Made once per recipe (this file and the packages); prints its path.
set -euo pipefail
cd "$(dirname "$0")/../.."

base=(systemd systemd-sysv linux-image-cloud-amd64 initramfs-tools dbus iproute2 python3)
packages=("${base[@]}" "$@")
key=$( (cat scripts/vm/debian_root.sh; printf '%s\n' "${packages[@]}") | sha256sum | cut -c1-16)
root=build/vm/root-$key
if [[ -d $root ]]; then
  echo "$root"
  exit 0
fi

source /etc/os-release
# Where this machine's apt gets the release from: debootstrap takes the very same.
mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
  awk -v release="$VERSION_CODENAME" '$2 == release && $3 == "main" { print $1; exit }')
[[ -n $mirror ]] || {
  echo "debian_root.sh: apt has no source for $VERSION_CODENAME main; the virtual machine needs a Debian machine with one" >&2
  exit 1
}

mkdir -p build/vm
rm -rf build/vm/root-*
# debootstrap resumes nothing: a half-made root is thrown away.
fresh=$(mktemp -d build/vm/making.XXXXXX)
trap 'rm -rf "$fresh"' EXIT
chmod 0755 "$fresh"
echo "Making a Debian $VERSION_CODENAME for the virtual machine, once (one to three minutes)" >&2
include=$(IFS=,; echo "${packages[*]}")
if ! debootstrap --variant=minbase --include="$include" "$VERSION_CODENAME" "$fresh" "$mirror" >build/vm/debootstrap.log 2>&1; then
  tail -n 30 build/vm/debootstrap.log "$fresh/debootstrap/debootstrap.log" >&2 || true
  echo "debian_root.sh: debootstrap failed (above); see build/vm/debootstrap.log" >&2
  exit 1
fi
chroot "$fresh" passwd -d root >/dev/null
rm -rf "$fresh"/var/cache/apt/archives/*.deb "$fresh"/var/lib/apt/lists/*
mv "$fresh" "$root"
echo "$root"
