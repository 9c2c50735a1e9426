#!/usr/bin/env bash
# clang-tidy over src/, on the release build's compile commands.
set -euo pipefail
cd "$(dirname "$0")/.."
# The generated headers must be there.
scripts/build.sh release all
# The release flags have one that only GCC knows.
exec run-clang-tidy-14 -quiet -extra-arg=-Wno-unknown-warning-option -j "$(nproc)" -p build/release "^$PWD/src/.*\.cc$"
