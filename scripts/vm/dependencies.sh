#!/usr/bin/env bash
# scripts/vm/dependencies.sh DEB...: the Debian packages that these need or recommend, one a line, but those that are among
# them. Of alternatives the first, as apt takes it; what systemd provides is there.
set -euo pipefail

ours=$(for deb in "$@"; do dpkg-deb -f "$deb" Package; done)
for deb in "$@"; do dpkg-deb -f "$deb" Pre-Depends Depends Recommends; done |
  sed -E 's/^[A-Za-z-]+: *//' | tr ',' '\n' | sed -E '/systemd-(sysusers|tmpfiles)/d; s/\|.*//; s/\(.*//; s/:any//; s/ //g; /^$/d' |
  sort -u | grep -vxF -- "$ours"
