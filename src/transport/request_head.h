// The headers of a request, as gRPC reads them.
#ifndef GRPC_OS_TRANSPORT_REQUEST_HEAD_H_
#define GRPC_OS_TRANSPORT_REQUEST_HEAD_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "transport/metadata.h"
#include "transport/methods.h"

namespace grpc_os::transport {

// Takes one header after the other; then says what is asked for, or what is wrong.
class RequestHead {
 public:
  explicit RequestHead(const Methods& methods) : methods_(methods) {}

  // Metadata goes to `metadata`.
  void Take(std::string_view name, std::string_view value, Metadata& metadata);

  // Whether it is gRPC at all; else the HTTP status that says what it is not.
  bool is_grpc() const { return is_post_ && is_grpc_; }
  const char* http_status() const { return is_post_ ? "415" : "405"; }
  // Whether the first of them may be answered: INTERNAL, UNIMPLEMENTED.
  absl::Status Check() const;

  const Method* method() const { return method_; }  // null: there is none
  bool gzip() const { return gzip_; }
  bool unknown_encoding() const { return unknown_encoding_; }
  std::optional<int64_t> timeout_ms() const { return timeout_ms_; }

 private:
  const Methods& methods_;
  const Method* method_ = nullptr;
  std::string unknown_path_;
  bool is_post_ = false;
  bool is_grpc_ = false;
  bool gzip_ = false;
  bool unknown_encoding_ = false;
  std::optional<int64_t> timeout_ms_;
  absl::Status error_;
};

// What messages may be: of "grpc-accept-encoding".
inline constexpr char kEncodings[] = "identity,gzip";

}  // namespace grpc_os::transport

#endif  // GRPC_OS_TRANSPORT_REQUEST_HEAD_H_
