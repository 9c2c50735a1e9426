#!/usr/bin/env bash
# `make verify-vm`: installs gRPC OS on a Debian 12 under QEMU and runs tests/vm there. The last line is "N passed, M failed".
# GRPC_OS_VM_CUTS: how many times the power is cut (3). GRPC_OS_VM_SKIP_BUILD=1: takes build/release/bin as it is.
set -uo pipefail
cd "$(dirname "$0")/.."
results=build/results/verify-vm
source scripts/suites.sh

prepare() { scripts/install.sh build test vm && scripts/python_env.sh && scripts/generate_protos.sh; }
build() { [[ ${GRPC_OS_VM_SKIP_BUILD:-} == 1 ]] || scripts/build.sh release; }

check prepare prepare && check build build && check image scripts/vm/image.sh build/release/bin || { summary; exit 1; }
suite vm pytest_suite release -v tests/vm
summary
