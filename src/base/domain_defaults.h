// What a domain has where nothing is said: of its spec in the core, and of its file in the shell.
#ifndef GRPC_OS_BASE_DOMAIN_DEFAULTS_H_
#define GRPC_OS_BASE_DOMAIN_DEFAULTS_H_

#include <cstdint>

namespace grpc_os {

inline constexpr int64_t kDefaultHoldMs = 30'000;
inline constexpr int64_t kDefaultDrainMs = 10'000;
inline constexpr int64_t kDefaultMaxBodyBytes = 10 << 20;
inline constexpr int64_t kDefaultReadTimeoutMs = 60'000;
inline constexpr int64_t kDefaultGrpcReadTimeoutMs = 3'600'000;

}  // namespace grpc_os

#endif  // GRPC_OS_BASE_DOMAIN_DEFAULTS_H_
