// Signals by name.
#ifndef GRPC_OS_BASE_SIGNAL_NAME_H_
#define GRPC_OS_BASE_SIGNAL_NAME_H_

#include <optional>
#include <string>
#include <string_view>

namespace grpc_os {

// "TERM", "SIGTERM", "15" → 15; nullopt if there is no such signal.
std::optional<int> SignalFrom(std::string_view text);
// 15 → "TERM"; "RTMIN+3" for real-time ones.
std::string SignalName(int signal);

}  // namespace grpc_os

#endif  // GRPC_OS_BASE_SIGNAL_NAME_H_
