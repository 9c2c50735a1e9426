#!/usr/bin/env bash
# `make verify-edge`: the long proof of the edge. The last line is "N passed, M failed".
set -uo pipefail
cd "$(dirname "$0")/.."
results=build/results/verify-edge
source scripts/suites.sh

prepare() { scripts/install.sh build test && scripts/python_env.sh && scripts/generate_protos.sh; }

check prepare prepare && check build scripts/build.sh release all || { summary; exit 1; }
export GRPC_OS_LONG=1
suite edge pytest_suite release tests/edge
suite weather parallel_pytest_suite release tests/functional/test_edge_weather.py
summary
