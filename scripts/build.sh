#!/usr/bin/env bash
# scripts/build.sh PRESET [all]: builds the four programs of a preset, or everything, into build/PRESET.
set -euo pipefail
cd "$(dirname "$0")/.."

preset=$1
targets=(grpc-os-init grpc-os-supervise grpc-osd grpc-os)
[[ ${2:-} == all ]] && targets=(all)
[[ -e build/$preset/build.ninja ]] || cmake --preset "$preset"
exec ninja -C "build/$preset" -j "$(nproc)" "${targets[@]}"
