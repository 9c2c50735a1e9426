// How long a shut-down of everything, or of the machine, waits.
#ifndef GRPC_OS_PROTOCOL_SHUT_DOWN_H_
#define GRPC_OS_PROTOCOL_SHUT_DOWN_H_

#include <cstdint>

namespace grpc_os::protocol {

// For one process: its stop_timeout, and no longer.
inline constexpr int64_t kShutDownMaxMs = 300'000;

}  // namespace grpc_os::protocol

#endif  // GRPC_OS_PROTOCOL_SHUT_DOWN_H_
