#!/bin/sh
# Writes the reference part of docs/SHELL.md anew, from the command table of the program.
# Usage: generate_shell_reference.sh [BIN_DIR]
set -eu
cd "$(dirname "$0")/.."
bin=${1:-${GRPC_OS_BIN_DIR:-build/release/bin}}
page=docs/SHELL.md
marker='<!-- What follows is made by scripts/generate_shell_reference.sh: change the command table instead. -->'
grep -qxF "$marker" "$page" || { echo "$page has lost the line: $marker" >&2; exit 1; }
new=$(mktemp "$page.XXXXXX")
trap 'rm -f "$new"' EXIT
{
  sed "/^<!-- What follows is made by/,\$d" "$page"
  printf '%s\n\n' "$marker"
  "$bin/grpc-os" __reference
} > "$new"
chmod 644 "$new"
mv "$new" "$page"
