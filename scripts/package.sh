#!/usr/bin/env bash
# What others get of the release build:
# scripts/package.sh                    Debian packages in build/packages
# scripts/package.sh VERSION            the same programs saying VERSION, in build/packages-VERSION (one file is compiled)
# scripts/package.sh --install PREFIX   everything but the Python client into PREFIX, below DESTDIR
set -euo pipefail
cd "$(dirname "$0")/.."

# lay NAME BIN_DIR PREFIX: all of it made in build/deploy/NAME, ready to be installed or packed.
lay() {
  local version
  version=$("$2/grpc-os" --version)
  scripts/generate_man_pages.sh "$2" "build/deploy/$1/man"
  cmake -S deploy -B "build/deploy/$1" -G Ninja -DCMAKE_INSTALL_PREFIX="$3" -DBIN_DIR="$2" -DVERSION="${version#grpc-os }" \
    -DMAN_DIR="$PWD/build/deploy/$1/man" >/dev/null
  ninja -C "build/deploy/$1" >/dev/null
}

release=$PWD/build/release/bin
if [[ ${1:-} == --install ]]; then
  scripts/install.sh build
  scripts/build.sh release
  lay install "$release" "$(realpath -ms -- "$2")"
  exec cmake --install build/deploy/install
fi

scripts/install.sh build package
out=packages${1:+-$1}
if [[ $# -eq 0 ]]; then
  scripts/build.sh release
else
  release=$PWD/build/release/other-version
  [[ -e build/release/build.ninja ]] || cmake --preset release
  cmake -DGRPC_OS_OTHER_VERSION="$1" build/release >/dev/null
  ninja -C build/release other-version
fi
lay "$out" "$release" /usr
rm -rf "build/$out"
# What cpack says is of use where it fails.
(cd "build/deploy/$out" && cpack -B "$OLDPWD/build/$out" >cpack.log 2>&1) || { cat "build/deploy/$out/cpack.log" >&2; exit 1; }
rm -rf "build/$out/_CPack_Packages"
ls "build/$out"/*.deb
