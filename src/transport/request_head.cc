#include "transport/request_head.h"

#include "absl/strings/str_cat.h"

namespace grpc_os::transport {
namespace {

constexpr char kGrpc[] = "application/grpc";
constexpr char kGrpcProto[] = "application/grpc+proto";
constexpr size_t kShownPathBytes = 200;
constexpr int64_t kNsPerMs = 1'000'000;

}  // namespace

void RequestHead::Take(std::string_view name, std::string_view value, Metadata& metadata) {
  if (name == ":path") {
    if (const auto found = methods_.find(value); found != methods_.end()) {
      method_ = &found->second;
    } else {
      unknown_path_ = value.substr(0, kShownPathBytes);
    }
  } else if (name == ":method") {
    is_post_ = value == "POST";
  } else if (name == "content-type") {
    const std::string_view type = value.substr(0, value.find(';'));
    is_grpc_ = type == kGrpc || type == kGrpcProto;
  } else if (name == "grpc-encoding") {
    gzip_ = value == "gzip";
    unknown_encoding_ = !gzip_ && value != "identity";
  } else if (name == "grpc-timeout") {
    const auto timeout_ns = ParseTimeout(value);
    if (timeout_ns.has_value()) {
      timeout_ms_ = *timeout_ns / kNsPerMs + (*timeout_ns % kNsPerMs != 0 ? 1 : 0);
    } else {
      error_ =
          absl::InternalError("grpc-timeout has 1 to 8 digits and a unit of H, M, S, m, u or n");
    }
  } else if (IsReserved(name)) {
    return;
  } else if (!IsBinary(name)) {
    metadata.Add(name, value);
  } else if (const auto all = DecodeBinary(value); all.has_value()) {
    for (const std::string& bytes : *all) metadata.Add(name, bytes);
  } else {
    error_ = absl::InternalError(absl::StrCat("the value of ", std::string(name), " is no base64"));
  }
}

absl::Status RequestHead::Check() const {
  if (!error_.ok()) return error_;
  if (method_ == nullptr)
    return absl::UnimplementedError(absl::StrCat("there is no method ", unknown_path_));
  if (unknown_encoding_)
    return absl::UnimplementedError(absl::StrCat("messages may be ", kEncodings));
  return absl::OkStatus();
}

}  // namespace grpc_os::transport
