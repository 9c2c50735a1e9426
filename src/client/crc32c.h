// CRC32C (RFC 3720, Castagnoli) of what is sent and received.
#ifndef GRPC_OS_CLIENT_CRC32C_H_
#define GRPC_OS_CLIENT_CRC32C_H_

#include <cstdint>
#include <string_view>

namespace grpc_os::client {

// Of the bytes that `crc` is of, followed by `data`. That of nothing is 0.
uint32_t ExtendCrc32c(uint32_t crc, std::string_view data);

inline uint32_t Crc32c(std::string_view data) { return ExtendCrc32c(0, data); }

}  // namespace grpc_os::client

#endif  // GRPC_OS_CLIENT_CRC32C_H_
