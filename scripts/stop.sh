#!/usr/bin/env bash
# scripts/stop.sh --stop | --stop-all: ends the control plane, or everything, of DATA_DIR.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/data_dir.sh

init=build/release/bin/grpc-os-init
[[ -x $init ]] || { echo "Nothing is built here; \`make run\` builds and starts the system." >&2; exit 1; }
exec "$init" --data-dir "$DATA_DIR" "$1"
