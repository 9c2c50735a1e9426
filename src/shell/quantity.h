// Durations, sizes and times as people read them.
#ifndef GRPC_OS_SHELL_QUANTITY_H_
#define GRPC_OS_SHELL_QUANTITY_H_

#include <cstdint>
#include <string>

namespace grpc_os::shell {

// The two largest units: "3d4h", "12m5s", "42s"; under ten seconds with a tenth: "2.5s".
std::string FormatDuration(int64_t ms);
// "532B", "12.3MiB".
std::string FormatBytes(int64_t bytes);
// Local time, with `digits` (0 to 9) of the second: "2026-11-23 03:07:37.123 +0100".
std::string FormatTime(int64_t seconds, int32_t nanos, int digits);

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_QUANTITY_H_
