#!/bin/sh
# Writes what is made of the keys of process.yml and domain.yml (the page, the JSON Schema and the example of each) and of
# the table of settings: the one in docs/CONFIGURATION.md, and config/default/*.yml.
# Usage: generate_manifest_files.sh [BIN_DIR [TARGET_DIR]]
set -eu
cd "$(dirname "$0")/.."
bin=${1:-${GRPC_OS_BIN_DIR:-build/release/bin}}
target=${2:-.}
mkdir -p "$target/docs" "$target/config/schema" "$target/config/examples" "$target/config/default"
new=$(mktemp)
trap 'rm -f "$new"' EXIT
for kind in process domain; do
  page=docs/$(echo "$kind" | tr a-z A-Z)_YML.md
  marker="<!-- What follows is made by scripts/generate_manifest_files.sh: change src/manifest/${kind}_keys.cc instead. -->"
  grep -qxF "$marker" "$page" || { echo "$page has lost the line: $marker" >&2; exit 1; }
  {
    sed "/^<!-- What follows is made by/,\$d" "$page"
    printf '%s\n\n' "$marker"
    "$bin/grpc-os" __manifest reference "$kind"
  } > "$new"
  cp "$new" "$target/$page"
  "$bin/grpc-os" __manifest schema "$kind" > "$target/config/schema/$kind.schema.json"
  "$bin/grpc-os" __manifest example "$kind" > "$target/config/examples/$kind.yml.example"
done

page=docs/CONFIGURATION.md
for marker in "<!-- settings: made by scripts/generate_manifest_files.sh of src/manifest/settings_table.cc -->" "<!-- end of settings -->"; do
  grep -qxF "$marker" "$page" || { echo "$page has lost the line: $marker" >&2; exit 1; }
done
{
  sed '/^<!-- settings: made by/q' "$page"
  "$bin/grpc-os" __manifest settings reference
  sed -n '/^<!-- end of settings -->$/,$p' "$page"
} > "$new"
cp "$new" "$target/$page"
for name in system auth logging; do
  "$bin/grpc-os" __manifest settings "$name" > "$target/config/default/$name.yml"
done
