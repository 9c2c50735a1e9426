#!/usr/bin/env bash
# Runs `buf lint` (pinned, from npm) over the protos.
set -euo pipefail
cd "$(dirname "$0")/.."

version=1.75.0
prefix=build/node/buf-$version
buf=$prefix/node_modules/.bin/buf
if [[ ! -x $buf ]]; then
  mkdir -p "$prefix"
  npm install --prefix "$prefix" --no-audit --no-fund --no-package-lock --loglevel=error "@bufbuild/buf@$version"
fi
exec "$buf" lint
