#!/usr/bin/env bash
# Makes build/go/bin/grpcurl, which the functional tests call the API with as a stranger would (pinned: the newest that
# Debian 12's Go builds), and build/go/bin/linearizability-checker of tests/robustness. Quick when they are there.
set -euo pipefail
cd "$(dirname "$0")/.."

version=1.8.7
out=build/go/grpcurl-$version
checker=build/go/bin/linearizability-checker
sources=tests/robustness/linearizability
mkdir -p build/go/bin

wanted() { [[ ! -x $checker || -n $(find "$sources" -newer "$checker") ]]; }
[[ -x $out/grpcurl ]] && ! wanted && exit 0

command -v go >/dev/null || {
  echo "go_tools.sh: go is missing; run scripts/install.sh test" >&2
  exit 1
}
# Everything they need to build is thrown away afterwards: nothing is left outside of build/.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export CGO_ENABLED=0 GOTOOLCHAIN=local GOPATH=$work/path GOCACHE=$work/cache GOFLAGS=-modcacherw GOBIN=$work/bin

if [[ ! -x $out/grpcurl ]]; then
  go install -trimpath "github.com/fullstorydev/grpcurl/cmd/grpcurl@v$version"
  mkdir -p "$out"
  mv "$work/bin/grpcurl" "$out/grpcurl"
fi
ln -sf "../grpcurl-$version/grpcurl" build/go/bin/grpcurl
if wanted; then
  (cd "$sources" && go build -trimpath -o "$work/checker" .)
  mv "$work/checker" "$checker"
fi
