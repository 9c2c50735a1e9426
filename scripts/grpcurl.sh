#!/usr/bin/env bash
# Makes build/go/bin/grpcurl, which the functional tests call the API with as a stranger would. Pinned: the newest that
# Debian 12's Go builds. Quick when it is there.
set -euo pipefail
cd "$(dirname "$0")/.."

version=1.8.7
out=build/go/grpcurl-$version
if [[ ! -x $out/grpcurl ]]; then
  command -v go >/dev/null || {
    echo "grpcurl.sh: go is missing; run scripts/install.sh test" >&2
    exit 1
  }
  # Everything it needs to build is thrown away afterwards: nothing is left outside of build/.
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  CGO_ENABLED=0 GOTOOLCHAIN=local GOPATH=$work/path GOCACHE=$work/cache GOFLAGS=-modcacherw GOBIN=$work/bin \
    go install -trimpath "github.com/fullstorydev/grpcurl/cmd/grpcurl@v$version"
  mkdir -p "$out"
  mv "$work/bin/grpcurl" "$out/grpcurl"
fi
mkdir -p build/go/bin
ln -sf "../grpcurl-$version/grpcurl" build/go/bin/grpcurl
