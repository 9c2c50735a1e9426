#!/usr/bin/env bash
# Makes what scripts/verify_transport.sh drives the transport with, all pinned: in build/go/bin gRPC's interop client,
# connectconformance, h2spec, ghz and the Go client of tests/transport/clients; in build/conformance the protos of the conformance suite;
# in build/node the packages of the Node client. Quick when they are there.
set -euo pipefail
cd "$(dirname "$0")/.."

clients=tests/transport/clients
stamp=build/go/.transport-tools
node_stamp=build/node/.packages

if ! { [[ -e $node_stamp ]] && cmp -s "$clients/package.json" "$node_stamp"; }; then
  mkdir -p build/node
  cp "$clients/package.json" build/node/
  npm install --prefix build/node --silent --no-audit --no-fund
  cp "$clients/package.json" "$node_stamp"
fi

[[ -e $stamp && -z $(find "$clients" scripts/transport_tools.sh protos -newer "$stamp" -print -quit) ]] && exit 0

command -v go >/dev/null || {
  echo "transport_tools.sh: go is missing; run scripts/install.sh test" >&2
  exit 1
}
# Everything they need to build is thrown away afterwards: nothing is left outside of build/.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export CGO_ENABLED=0 GOPATH=$work/path GOCACHE=$work/cache GOFLAGS=-modcacherw GOBIN=$work/bin

fail() {
  echo "transport_tools.sh: $1 needs a newer Go than this one ($(go version)), or the network" >&2
  exit 1
}
install() {  # install PACKAGE@VERSION [NAME]
  go install -trimpath "$1" || fail "$1"
  local built=${1%@*}
  mv "$work/bin/${built##*/}" "build/go/bin/${2:-${built##*/}}"
}
mkdir -p build/go/bin
install google.golang.org/grpc/interop/client@v1.85.0 interop-client
install connectrpc.com/conformance/cmd/connectconformance@v1.0.7
# By its module: not every proxy answers for the paths of packages below one.
h2spec=github.com/summerwind/h2spec
mkdir "$work/h2spec"
(cd "$work/h2spec" && go mod init tools && go mod edit -require="$h2spec@v2.2.1+incompatible" &&
  go build -mod=mod -trimpath -o "$OLDPWD/build/go/bin/h2spec" "$h2spec/cmd/h2spec") || fail "$h2spec"
install github.com/bojand/ghz/cmd/ghz@v0.93.0

rm -rf build/conformance
mkdir build/conformance
cp -r --no-preserve=mode "$work/path/pkg/mod/connectrpc.com/conformance@v1.0.7/proto/connectrpc" build/conformance/

install google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12
install google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.2
module=grpc_os/client
cp -r "$clients/go" "$work/client"
packages=()
for file in protos/grpc_os/v1/*.proto; do
  packages+=("--go_opt=M${file#protos/}=$module/api" "--go-grpc_opt=M${file#protos/}=$module/api")
done
protoc -I protos --plugin=build/go/bin/protoc-gen-go --plugin=build/go/bin/protoc-gen-go-grpc \
  --go_out="$work/client" --go_opt=module=$module --go-grpc_out="$work/client" --go-grpc_opt=module=$module \
  "${packages[@]}" protos/grpc_os/v1/*.proto
(cd "$work/client" && go build -trimpath -o "$work/transport-client" .)
mv "$work/transport-client" build/go/bin/
touch "$stamp"
