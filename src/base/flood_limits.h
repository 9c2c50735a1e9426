// Limits of what strangers and neighbours can use up, with their units; beside limits.h.
#ifndef GRPC_OS_BASE_FLOOD_LIMITS_H_
#define GRPC_OS_BASE_FLOOD_LIMITS_H_

#include <cstdint>

namespace grpc_os::limits {

// Of init.sock, and of each ctl.sock: one more takes the place of the oldest that has no name.
inline constexpr int kControlConnections = 32;
inline constexpr int kAcceptsPerTurn = 64;  // connections that one turn of a loop accepts
inline constexpr int kPacketsPerTurn = 64;  // packets that it takes from one connection
inline constexpr int kAcceptPauseMs = 100;  // when not even a spare descriptor is left
// If a ticket must go, a uid that has so many loses its own.
inline constexpr int kPeerTicketsOfMany = 64;

// Of our own logs: each kind of line is written so often in a second, and then counted.
inline constexpr int kLogLinesPerSecond = 20;
inline constexpr int kLogKinds = 64;                           // counted apart
inline constexpr int64_t kLogQueueBytes = int64_t{1} << 20;    // that wait for a slow disk
inline constexpr int64_t kSystemLogBytes = int64_t{10} << 20;  // a file; there are two of each

}  // namespace grpc_os::limits

#endif  // GRPC_OS_BASE_FLOOD_LIMITS_H_
