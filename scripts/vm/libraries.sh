#!/usr/bin/env bash
# The Debian packages that own the shared libraries of the given programs, one a line.
set -euo pipefail

{ ldd "$@" || true; } 2>/dev/null | sed -nE 's/.* => (\/[^ ]+) .*/\1/p' | sort -u | while read -r library; do
  # dpkg knows a library by the path it was packed under, which may lack the /usr of today's layout.
  real=$(realpath "$library")
  owner=$(dpkg-query -S "$real" 2>/dev/null || dpkg-query -S "${real#/usr}" 2>/dev/null) || {
    echo "libraries.sh: no Debian package owns $library, so the virtual machine cannot have it" >&2
    exit 1
  }
  echo "${owner%%:*}"
done | sort -u
