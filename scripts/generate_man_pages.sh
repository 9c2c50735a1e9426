#!/bin/sh
# Writes the man pages of the programs to build/man, from deploy/man and from what the programs print of themselves.
# Usage: generate_man_pages.sh [BIN_DIR [DIRECTORY]]  (DIRECTORY instead of build/man)
set -eu
cd "$(dirname "$0")/.."
bin=${1:-${GRPC_OS_BIN_DIR:-build/release/bin}}
out=${2:-build/man}
parts=$(mktemp -d)
trap 'rm -rf "$parts"' EXIT

version=$("$bin/grpc-os" --version)
version=${version#grpc-os }
"$bin/grpc-os" __reference man >"$parts/reference"
# "  --option VALUE  what it does", which may go on in further lines.
"$bin/grpc-os-init" --help | sed -n '/^  *-/,$p' |
  sed -E 's/\\/\\(rs/g; s/-/\\-/g; s/'\''/\\(aq/g; s/^ {3,}//; s/^  (\S+( \S+)*) {2,}/.TP\n.B \1\n/; s/^  (\S.*)/.TP\n.B \1/' >"$parts/options"
grep -q '^\.TP$' "$parts/options"

mkdir -p "$out"
for page in deploy/man/*.in; do
  name=$(basename "$page" .in)
  sed -e '1d' -e "s/@VERSION@/$version/g" \
    -e "/^@REFERENCE@\$/{r $parts/reference" -e 'd}' -e "/^@OPTIONS@\$/{r $parts/options" -e 'd}' "$page" >"$out/$name"
done
