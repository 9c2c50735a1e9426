// The headers of an answer, as nghttp2 takes them.
#ifndef GRPC_OS_TRANSPORT_HEADER_BLOCK_H_
#define GRPC_OS_TRANSPORT_HEADER_BLOCK_H_

#include <nghttp2/nghttp2.h>

#include <array>
#include <cstddef>
#include <forward_list>
#include <string>
#include <string_view>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "transport/metadata.h"
#include "transport/stream.h"

namespace grpc_os::transport {

// Keeps what it is made of; what is added by view outlives it. nghttp2 copies it when it is
// submitted.
class HeaderBlock {
 public:
  // Of names and values that are constant in the program.
  void AddConstant(std::string_view name, std::string_view value) {
    Push(name, value, NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE);
  }
  void Add(const Metadata& metadata) {
    for (const auto& [name, value] : metadata.entries()) {
      if (IsBinary(name)) {
        AddOwned(name, EncodeBinary(value));
      } else {
        Push(name, value, NGHTTP2_NV_FLAG_NO_INDEX);
      }
    }
  }
  void Add(const EndStatus& status) {
    static constexpr std::array<const char*, 17> kCodes = {
        "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16"};
    const auto code = static_cast<size_t>(status.code);
    AddConstant("grpc-status", code < kCodes.size() ? kCodes[code] : "2");
    if (!status.message.empty()) AddOwned("grpc-message", PercentEncode(status.message));
    if (!status.details.empty()) AddOwned("grpc-status-details-bin", EncodeBinary(status.details));
  }
  const nghttp2_nv* data() const { return all_.data(); }
  size_t size() const { return all_.size(); }

 private:
  void AddOwned(std::string_view name, std::string value) {
    Push(name, owned_.emplace_front(std::move(value)), NGHTTP2_NV_FLAG_NO_INDEX);
  }
  // NO_INDEX where each call has another value: the peer's table is not for those.
  void Push(std::string_view name, std::string_view value, int flags) {
    all_.push_back({reinterpret_cast<uint8_t*>(const_cast<char*>(name.data())),
                    reinterpret_cast<uint8_t*>(const_cast<char*>(value.data())), name.size(),
                    value.size(), static_cast<uint8_t>(flags)});
  }

  absl::InlinedVector<nghttp2_nv, 8> all_;
  std::forward_list<std::string> owned_;  // which stay where they are
};

}  // namespace grpc_os::transport

#endif  // GRPC_OS_TRANSPORT_HEADER_BLOCK_H_
