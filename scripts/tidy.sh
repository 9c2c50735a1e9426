#!/usr/bin/env bash
# clang-tidy over src/, on the dev build's compile commands (a release's tests have precompiled headers, which are GCC's).
set -euo pipefail
cd "$(dirname "$0")/.."
[[ -e build/dev/build.ninja ]] || cmake --preset dev
# The generated headers must be there.
ninja -C build/dev protos protos_internal
exec run-clang-tidy-14 -quiet -j "$(nproc)" -p build/dev "^$PWD/src/.*\.cc$"
