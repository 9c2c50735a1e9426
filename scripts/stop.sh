#!/usr/bin/env bash
# scripts/stop.sh --stop | --stop-all: ends the control plane, or everything, of DATA_DIR.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/data_dir.sh

init=build/release/bin/grpc-os-init
[[ -x $init ]] || { echo "Nothing is built here; \`make run\` builds and starts the system." >&2; exit 1; }
"$init" --data-dir "$DATA_DIR" "$1"
if [[ $1 == --stop ]]; then
  echo "The control plane has ended; the processes go on. \`make run\` starts it again."
else
  echo "Everything has ended. What was running will run again after \`make run\`."
fi
