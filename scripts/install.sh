#!/usr/bin/env bash
# Installs what is missing from Debian 12's packages: scripts/install.sh [build] [test] [bench] [verify] [transport] [vm] [package]  (default: build)
# Does nothing, quickly, when nothing is missing.
set -euo pipefail

build=(g++ cmake ninja-build ccache pkg-config protobuf-compiler protobuf-compiler-grpc libprotobuf-dev
       libgrpc++-dev libabsl-dev libsqlite3-dev libssl-dev libreadline-dev libyaml-dev libspdlog-dev libsodium-dev
       libisal-dev libpsl-dev libmicrohttpd-dev libnghttp2-dev zlib1g-dev nlohmann-json3-dev libgtest-dev libgmock-dev)
test=(python3 python3-venv python-is-python3 python3-setuptools python3-wheel python3-grpcio python3-protobuf python3-crc32c curl ca-certificates openssl nginx libnginx-mod-http-lua
      groff-base bash-completion)  # python: what people write in process.yml
bench=(python3 supervisor etcd-server rsync caddy wrk)
verify=(clang-format-14 clang-tidy-14 clang-tools-14 clang-14 libclang-rt-14-dev)
transport=(nghttp2-server python3-grpcio openssl)
vm=(qemu-system-x86 e2fsprogs debootstrap)
package=(dpkg-dev file python3-setuptools python3-protobuf
         lintian iproute2 systemd python3-grpcio python3-crc32c)  # the second line is for their tests

packages=()
for set in "${@:-build}"; do
  case $set in
    build | test | bench | verify | transport | vm | package) declare -n members=$set; packages+=("${members[@]}") ;;
    *) echo "install.sh: unknown set '$set'; the sets are build, test, bench, verify, transport, vm and package" >&2; exit 2 ;;
  esac
  # npm comes from Debian unless the machine already has one of its own (buf, the linter of the protos, is an npm package).
  if [[ $set == test ]] && ! command -v npm >/dev/null; then packages+=(nodejs npm); fi
  # Likewise Go, with which grpcurl is built (scripts/go_tools.sh).
  if [[ $set == test ]] && ! command -v go >/dev/null; then packages+=(golang-go); fi
done

if ! command -v dpkg-query >/dev/null; then
  echo "install.sh: this system has no dpkg. Install the equivalents of: ${packages[*]}" >&2
  exit 1
fi

missing=()
installed=$(dpkg-query -W -f '${db:Status-Abbrev}${Package}\n' "${packages[@]}" 2>/dev/null | sed -n 's/^ii //p' || true)
for package in "${packages[@]}"; do
  grep -qxF -- "$package" <<<"$installed" || missing+=("$package")
done
[[ ${#missing[@]} -gt 0 ]] || exit 0

echo "Installing: ${missing[*]}"
sudo=()
if [[ $(id -u) -ne 0 ]]; then
  if ! command -v sudo >/dev/null; then
    echo "install.sh: needs root or sudo. As root: apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 1
  fi
  sudo=(sudo)
fi
log=$(mktemp)
policy=/usr/sbin/policy-rc.d
policy_is_ours=
tidy_up() {
  rm -f "$log"
  [[ -z $policy_is_ours ]] || "${sudo[@]}" rm -f "$policy"
}
trap tidy_up EXIT
# Debian starts what serves (nginx on port 80) once it is installed, and at each boot. Here nothing is to be served: neither
# now, which a policy of ours prevents where there is none, nor later.
if [[ ! -e $policy ]]; then
  policy_is_ours=1
  printf '#!/bin/sh\nexit 101\n' | "${sudo[@]}" tee "$policy" >/dev/null
  "${sudo[@]}" chmod 755 "$policy"
fi
for step in "update -q" "install -qy --no-install-recommends ${missing[*]}"; do
  # shellcheck disable=SC2086
  if ! "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 $step >"$log" 2>&1; then
    cat "$log" >&2
    echo "install.sh: apt-get $step failed (above)" >&2
    exit 1
  fi
done
for service in nginx caddy; do
  if [[ " ${missing[*]} " == *" $service "* ]] && command -v systemctl >/dev/null; then
    "${sudo[@]}" systemctl disable -q "$service"
  fi
done
