#!/usr/bin/env bash
# Says which sources clang-format would change.
set -euo pipefail
cd "$(dirname "$0")/.."
find src -name '*.cc' -o -name '*.h' | sort | xargs clang-format-14 --dry-run -Werror
