// Durations, sizes and times as people write and read them.
#ifndef GRPC_OS_SHELL_QUANTITY_H_
#define GRPC_OS_SHELL_QUANTITY_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace grpc_os::shell {

// "10" and "10s" are seconds; "500ms", "1.5m", "2h", "1d". In milliseconds, at least 0, at most
// 100 years. INVALID_ARGUMENT otherwise.
absl::StatusOr<int64_t> ParseDurationMs(const std::string& text);

// "1048576", "64k", "10M", "1.5GiB" (powers of 1024), "10MB" (powers of 1000). In bytes, at least
// 0. INVALID_ARGUMENT otherwise.
absl::StatusOr<int64_t> ParseBytes(const std::string& text);

// The two largest units: "3d4h", "12m5s", "42s"; under ten seconds with a tenth: "2.5s".
std::string FormatDuration(int64_t ms);
// "532B", "12.3MiB".
std::string FormatBytes(int64_t bytes);
// RFC 3339 in UTC with `digits` (0 to 9) of the second: "2026-11-23T02:07:37.123Z".
std::string FormatTime(int64_t seconds, int32_t nanos, int digits);

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_QUANTITY_H_
