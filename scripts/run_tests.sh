#!/usr/bin/env bash
# `make test`: installs, builds once, runs every test. The last line is "N passed, M failed".
set -uo pipefail
cd "$(dirname "$0")/.."
results=build/results/test
source scripts/suites.sh

prepare() { scripts/install.sh build test package && scripts/python_env.sh && scripts/generate_protos.sh && scripts/go_tools.sh; }

check prepare prepare && check build scripts/build.sh release all || { summary; exit 1; }
check buf_lint scripts/lint_protos.sh
# Once more for what waits for programs and terminals on a machine of which it knows nothing (docs/decisions/0012).
again=(--reruns 1 --max-suite-reruns 3 --rerun-show-tracebacks)
suite unit ctest_suite release
suite scripts pytest_suite release scripts
suite python pytest_suite release python/tests "${again[@]}"
suite packaging pytest_suite release tests/packaging
suite edge pytest_suite release tests/edge "${again[@]}"
suite functional parallel_pytest_suite release tests/functional "${again[@]}"
suite transcripts pytest_suite release tests/transcripts "${again[@]}"
suite seed parallel_pytest_suite release tests/seed "${again[@]}"
suite robustness pytest_suite release tests/robustness
suite packages pytest_suite release tests/packages
summary scripts/test_budget.txt
