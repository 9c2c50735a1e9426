// Messages as they lie in a stream: five bytes, and so many more (gRPC's Length-Prefixed-Message).
#ifndef GRPC_OS_TRANSPORT_MESSAGE_H_
#define GRPC_OS_TRANSPORT_MESSAGE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace grpc_os::transport {

inline constexpr size_t kPrefixBytes = 5;

struct MessagePrefix {
  bool compressed = false;
  uint32_t size = 0;
};

// Of a stream's next bytes. Nothing: there are fewer than five. INTERNAL: its flag is neither 0 nor
// 1.
absl::StatusOr<std::optional<MessagePrefix>> ReadPrefix(std::string_view bytes);

// A message of `size` bytes with its prefix, to be filled in from kPrefixBytes on.
std::string NewMessage(size_t size);

// Inflates gzip to at most `limit` bytes, and stops there: RESOURCE_EXHAUSTED. INTERNAL: it is no
// gzip, or not whole.
absl::StatusOr<std::string> Gunzip(std::string_view bytes, size_t limit);

}  // namespace grpc_os::transport

#endif  // GRPC_OS_TRANSPORT_MESSAGE_H_
