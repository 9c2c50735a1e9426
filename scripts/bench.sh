#!/usr/bin/env bash
# `make bench`: every bench/*/run on the release build. Prints ratios.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install.sh build bench
scripts/build.sh release
export GRPC_OS_BIN_DIR=$PWD/build/release/bin
shopt -s nullglob
found=0
for bench in bench/*/run; do
  found=1
  "$bench"
done
((found)) || { echo "bench.sh: there is no bench/*/run" >&2; exit 1; }
