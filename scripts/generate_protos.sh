#!/usr/bin/env bash
# Generates the Python code of protos/ into python/grpc_os/v1/ (python/codegen). Quick when it is up to date.
set -euo pipefail
cd "$(dirname "$0")/.."

out=python/grpc_os/v1
stamp=build/python_protos.stamp
if [[ -e $out/sync_client.py && -e $stamp &&
  -z $(find protos/grpc_os python/codegen python/grpc_os/*.py scripts/error_reasons.py -newer "$stamp" -print -quit) ]]; then
  exit 0
fi
mkdir -p "$out" build
begun=$(mktemp build/python_protos.XXXXXX)
trap 'rm -f "$begun"' EXIT
python=build/venv/bin/python
[[ -x $python ]] || python=python3
"$python" python/codegen/generate.py "$out"
mv "$begun" "$stamp"
