// Durations and sizes as people write them.
#ifndef GRPC_OS_MANIFEST_QUANTITY_H_
#define GRPC_OS_MANIFEST_QUANTITY_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace grpc_os::manifest {

// "10" and "10s" are seconds; "500ms", "1.5m", "2h", "1d". In milliseconds, at least 0, at most
// 100 years. INVALID_ARGUMENT otherwise.
absl::StatusOr<int64_t> ParseDurationMs(const std::string& text);

// "1048576", "64k", "10M", "1.5GiB" (powers of 1024), "10MB" (powers of 1000). In bytes, at least
// 0. INVALID_ARGUMENT otherwise.
absl::StatusOr<int64_t> ParseBytes(const std::string& text);

}  // namespace grpc_os::manifest

#endif  // GRPC_OS_MANIFEST_QUANTITY_H_
