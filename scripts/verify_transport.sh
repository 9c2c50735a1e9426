#!/usr/bin/env bash
# `make verify-transport`: suites and clients that others wrote, against the transport. The last line is "N passed, M failed".
set -uo pipefail
cd "$(dirname "$0")/.."
results=build/results/verify-transport
source scripts/suites.sh

prepare() {
  scripts/install.sh build test transport && scripts/python_env.sh && scripts/generate_protos.sh && scripts/go_tools.sh &&
    scripts/transport_tools.sh
}
build() { scripts/build.sh release && ninja -C build/release transport-interop transport-conformance bench-load; }

build_tsan() {
  { [[ -e build/tsan/build.ninja ]] || cmake --preset tsan; } && ninja -C build/tsan grpc-os-init transport-conformance
}
# What the sanitizer finds in a server goes to a file, and none may be there.
no_reports() { ! find "$results/reports" -type f -print -exec cat {} + | grep . ; }

check prepare prepare && check build build || { summary; exit 1; }
suite interop pytest_suite release tests/transport/test_interop.py
suite conformance pytest_suite release tests/transport/test_conformance.py
if check build_tsan build_tsan; then
  mkdir "$results/reports"
  TSAN_OPTIONS=log_path=$results/reports/tsan:suppressions=$PWD/tests/tsan.supp \
    suite conformance_tsan pytest_suite tsan tests/transport/test_conformance.py
  check tsan_reports no_reports
fi
suite h2spec pytest_suite release tests/transport/test_h2spec.py
suite clients pytest_suite release tests/transport/test_clients.py
suite load pytest_suite release tests/transport/test_load.py
suite scale pytest_suite release tests/transport/test_scale.py
summary
