// The port to a checksum against accidental change.
#ifndef GRPC_OS_CORE_CHECKSUM_H_
#define GRPC_OS_CORE_CHECKSUM_H_

#include <cstdint>
#include <string_view>

namespace grpc_os::core {

// CRC32C (RFC 3720, Castagnoli): that of "123456789" is 0xe3069283. Thread-safe.
class Checksum {
 public:
  virtual ~Checksum() = default;
  // Of the bytes whose checksum is `crc` (0: none yet), followed by `data`.
  virtual uint32_t Extend(uint32_t crc, std::string_view data) const = 0;
  uint32_t Of(std::string_view data) const { return Extend(0, data); }
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_CHECKSUM_H_
