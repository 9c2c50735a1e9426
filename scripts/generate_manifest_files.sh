#!/bin/sh
# Writes anew what is made of the keys of process.yml: the page, the JSON Schema and the example.
# Usage: generate_manifest_files.sh [BIN_DIR [TARGET_DIR]]
set -eu
cd "$(dirname "$0")/.."
bin=${1:-${GRPC_OS_BIN_DIR:-build/release/bin}}
target=${2:-.}
page=docs/PROCESS_YML.md
marker='<!-- What follows is made by scripts/generate_manifest_files.sh: change src/manifest/process_keys.cc instead. -->'
grep -qxF "$marker" "$page" || { echo "$page has lost the line: $marker" >&2; exit 1; }
mkdir -p "$target/docs" "$target/config/schema" "$target/config/examples"
new=$(mktemp)
trap 'rm -f "$new"' EXIT
{
  sed "/^<!-- What follows is made by/,\$d" "$page"
  printf '%s\n\n' "$marker"
  "$bin/grpc-os" __manifest reference
} > "$new"
cp "$new" "$target/$page"
"$bin/grpc-os" __manifest schema > "$target/config/schema/process.schema.json"
"$bin/grpc-os" __manifest example > "$target/config/examples/process.yml.example"
