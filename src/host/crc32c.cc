#include "host/crc32c.h"

#include <isa-l/crc.h>

#include <algorithm>
#include <cstddef>

namespace grpc_os::host {
namespace {

constexpr size_t kPieceBytes = size_t{1} << 30;  // ISA-L takes an int

}  // namespace

uint32_t Crc32c::Extend(uint32_t crc, std::string_view data) const {
  crc = ~crc;
  while (!data.empty()) {
    const std::string_view piece = data.substr(0, kPieceBytes);
    // Not written to, though it is not declared so.
    auto* bytes = reinterpret_cast<unsigned char*>(const_cast<char*>(piece.data()));
    crc = crc32_iscsi(bytes, static_cast<int>(piece.size()), crc);
    data.remove_prefix(piece.size());
  }
  return ~crc;
}

}  // namespace grpc_os::host
