#!/usr/bin/env bash
# `make verify-vm`: installs gRPC OS's packages on a Debian 12 under QEMU and runs tests/vm there. The last line is
# "N passed, M failed". GRPC_OS_VM_CUTS: how many times the power is cut (3). GRPC_OS_VM_SKIP_BUILD=1: takes build/packages
# as they are. GRPC_OS_VM_TESTS: these alone, as arguments of pytest (tests/vm).
set -uo pipefail
cd "$(dirname "$0")/.."
results=build/results/verify-vm
source scripts/suites.sh

version=$(sed -nE 's/^project\(grpc-os VERSION ([0-9.]+).*/\1/p' CMakeLists.txt)
newer=$version.1  # what it is upgraded to: the same programs

prepare() { scripts/install.sh build package test vm && scripts/python_env.sh && scripts/generate_protos.sh; }
packages() { [[ ${GRPC_OS_VM_SKIP_BUILD:-} == 1 ]] || { scripts/package.sh && scripts/package.sh "$newer"; }; }

check prepare prepare && check packages packages && check image scripts/vm/image.sh build/packages "build/packages-$newer" ||
  { summary; exit 1; }
# What is said is shown: the package test writes down what apt, dpkg and the shell say.
# shellcheck disable=SC2086
suite vm pytest_suite release -v -s ${GRPC_OS_VM_TESTS:-tests/vm}
summary
