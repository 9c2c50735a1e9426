#!/usr/bin/env bash
# scripts/vm/dependencies.sh DEB...: the Debian packages that these need or recommend, one a line, but those that are among
# them. Of alternatives the first, as apt takes it; what systemd provides is there.
set -euo pipefail

ours=$(for deb in "$@"; do dpkg-deb -f "$deb" Package; done)
for deb in "$@"; do dpkg-deb -f "$deb" Pre-Depends Depends Recommends; done |
  sed -E 's/^[A-Za-z-]+: *//' | tr ',' '\n' |
  sed -E '/systemd-(sysusers|tmpfiles)/d; s/\|.*//; s/\(.*//; s/:any//; s/ //g; /^$/d' |
  sort -u | grep -vxF -- "$ours" | while read -r name; do
  # debootstrap takes no names that other packages provide.
  if [[ -z $(apt-cache show "$name" 2>/dev/null) ]]; then
    name=$(apt-cache showpkg "$name" | sed -n '/^Reverse Provides:/,$p' | sed -n '2s/ .*//p')
  fi
  echo "$name"
done | sort -u
