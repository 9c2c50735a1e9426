#!/usr/bin/env bash
# `make fuzz`: libFuzzer with ASan and UBSan over the transport, GRPC_OS_FUZZ_SECONDS (default 300) long. What it finds is
# left in build/fuzz/; what covers more is added to tests/fuzz/transport_corpus.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install.sh build verify
out=build/fuzz
mkdir -p "$out/corpus"
read -ra libraries <<<"$(pkg-config --cflags --libs libnghttp2 libssl libcrypto zlib absl_status absl_statusor absl_strings absl_inlined_vector)"
sources=(src/base/acceptor.cc src/base/event_loop.cc)
for source in src/transport/*.cc; do [[ $source == *_test.cc ]] || sources+=("$source"); done
flags=(-std=c++20 -O1 -g -Isrc "-fsanitize=fuzzer,address,undefined" -fno-sanitize-recover=all -Wno-everything)
clang++-14 "${flags[@]}" tests/fuzz/transport_fuzz.cc "${sources[@]}" "${libraries[@]}" -lpthread -o "$out/transport_fuzz"
"$out/transport_fuzz" -max_total_time="${GRPC_OS_FUZZ_SECONDS:-300}" -max_len=16384 -timeout=20 -rss_limit_mb=1024 \
  -artifact_prefix="$out/" -print_final_stats=1 "$out/corpus" tests/fuzz/transport_corpus
"$out/transport_fuzz" -merge=1 tests/fuzz/transport_corpus "$out/corpus" 2>/dev/null
echo "fuzz: no findings"
