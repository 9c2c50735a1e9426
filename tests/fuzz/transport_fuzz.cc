// libFuzzer over what a peer may send: frames, headers, messages (scripts/fuzz.sh).
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "transport/fuzz_harness.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  grpc_os::transport::FuzzConnection({reinterpret_cast<const char*>(data), size});
  return 0;
}
