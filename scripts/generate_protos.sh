#!/usr/bin/env bash
# Generates the Python stubs of protos/ into python/grpc_os/v1/, with Debian's protoc. Quick when they are up to date.
set -euo pipefail
cd "$(dirname "$0")/.."

out=python/grpc_os/v1
stamp=$out/.generated
if [[ -e $stamp && -z $(find protos/grpc_os/v1 python/codegen scripts/generate_protos.sh scripts/error_reasons.py -newer "$stamp" -print -quit) ]]; then
  exit 0
fi
plugin=$(command -v grpc_python_plugin) || {
  echo "generate_protos.sh: grpc_python_plugin is missing; run scripts/install.sh" >&2
  exit 1
}
# Built aside and moved, so that a reader never sees half of it.
mkdir -p build
fresh=$(mktemp -d build/protos.XXXXXX)
trap 'rm -rf "$fresh"' EXIT
mapfile -t files < <(cd protos && find grpc_os/v1 -name '*.proto' | sort)
protoc -I protos --python_out="$fresh" --pyi_out="$fresh" --grpc_out="$fresh" \
  --plugin=protoc-gen-grpc="$plugin" "${files[@]}"
# Without a service a *_pb2_grpc.py says nothing.
for file in "${files[@]}"; do
  grep -q '^service ' "protos/$file" || rm -f "$fresh/${file%.proto}_pb2_grpc.py"
done
protoc -I protos --include_source_info --descriptor_set_out="$fresh/descriptors" "${files[@]}"
python=build/venv/bin/python
[[ -x $python ]] || python=python3
PYTHONPATH=python/codegen "$python" - "$fresh" <<'EOF'
import pathlib
import sys

import wrappers
from google.protobuf import descriptor_pb2

fresh = pathlib.Path(sys.argv[1])
for name, text in wrappers.modules(descriptor_pb2.FileDescriptorSet.FromString((fresh / "descriptors").read_bytes())):
    (fresh / "grpc_os/v1" / name).write_text(text)
EOF
python3 scripts/error_reasons.py >"$fresh/grpc_os/v1/error_reasons.py"
mkdir -p "$out"
find "$out" -maxdepth 1 -name '*.py*' -delete
mv "$fresh"/grpc_os/v1/* "$out"/
echo '"""Generated from protos/grpc_os/v1 by scripts/generate_protos.sh."""' >"$out/__init__.py"
touch "$stamp"
