#!/usr/bin/env bash
# `make verify`: the long rest of the proof. The last line is "N passed, M failed".
set -uo pipefail
cd "$(dirname "$0")/.."
results=build/results/verify
source scripts/suites.sh

prepare() { scripts/install.sh build test verify && scripts/python_env.sh && scripts/generate_protos.sh && scripts/go_tools.sh; }

# A sanitizer's finding in a daemon ends no test by itself: it goes to a file, and no file may be there at the end.
mkdir "$results/reports"
no_reports() { ! find "$results/reports" -type f -print -exec cat {} + | grep . ; }
sanitized() {
  ASAN_OPTIONS=log_path=$results/reports/asan UBSAN_OPTIONS=log_path=$results/reports/ubsan:print_stacktrace=1 \
    TSAN_OPTIONS=log_path=$results/reports/tsan:suppressions=$PWD/tests/tsan.supp "$@"
}

check prepare prepare && check build scripts/build.sh release all || { summary; exit 1; }
check clang_format scripts/check_format.sh
if check build_asan scripts/build.sh asan all; then
  suite unit_asan sanitized ctest_suite asan
  suite functional_asan sanitized parallel_pytest_suite asan tests/functional
fi
if check build_tsan scripts/build.sh tsan all; then
  suite unit_tsan sanitized ctest_suite tsan
fi
check sanitizer_reports no_reports
# 10 million keys, seeded in SQLite: a page of a list takes as many steps as of a few thousand.
check ten_million_objects env GRPC_OS_OBJECTS=5000000 build/release/bin/store_test \
  --gtest_filter=SqliteObjectPages.CostWhatIsOnThem
check clang_tidy scripts/tidy.sh
GRPC_OS_LONG=1 suite robustness_long pytest_suite release tests/robustness
# A daemon killed 200 times in the midst of a deploy.
GRPC_OS_LONG=1 suite deploys_long parallel_pytest_suite release tests/functional/test_deploys.py
summary
