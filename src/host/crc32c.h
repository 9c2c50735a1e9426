// CRC32C by ISA-L, with the instructions that the processor has.
#ifndef GRPC_OS_HOST_CRC32C_H_
#define GRPC_OS_HOST_CRC32C_H_

#include <cstdint>
#include <string_view>

#include "core/checksum.h"

namespace grpc_os::host {

class Crc32c final : public core::Checksum {
 public:
  uint32_t Extend(uint32_t crc, std::string_view data) const override;
};

}  // namespace grpc_os::host

#endif  // GRPC_OS_HOST_CRC32C_H_
