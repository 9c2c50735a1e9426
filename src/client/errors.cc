#include "client/errors.h"

#include <utility>

#include "base/error_detail.h"
#include "grpc_os/internal/v1/rpc_status.pb.h"

namespace grpc_os::client {
namespace {

constexpr char kErrorInfo[] = "type.googleapis.com/google.rpc.ErrorInfo";
constexpr char kBadRequest[] = "type.googleapis.com/google.rpc.BadRequest";
constexpr char kRetryInfo[] = "type.googleapis.com/google.rpc.RetryInfo";

// The type URLs are google.rpc's while our messages have other names: Any::UnpackTo would refuse.
template <typename Message>
bool Unpack(const google::protobuf::Any& any, const char* type_url, Message& message) {
  return any.type_url() == type_url && message.ParseFromString(any.value());
}

}  // namespace

absl::Status StatusFromWire(int code, const std::string& message, const std::string& details) {
  const auto status_code = static_cast<absl::StatusCode>(code);
  internal::v1::RpcStatus wire;
  if (details.empty() || !wire.ParseFromString(details)) return absl::Status(status_code, message);

  ErrorDetail detail;
  for (const google::protobuf::Any& any : wire.details()) {
    internal::v1::ErrorInfo info;
    internal::v1::BadRequest bad_request;
    internal::v1::RetryInfo retry;
    if (Unpack(any, kErrorInfo, info)) {
      detail.reason = info.reason();
      detail.metadata.insert(info.metadata().begin(), info.metadata().end());
    } else if (Unpack(any, kBadRequest, bad_request)) {
      for (const auto& violation : bad_request.field_violations()) {
        detail.violations.push_back({violation.field(), violation.description()});
      }
    } else if (Unpack(any, kRetryInfo, retry)) {
      detail.retry_after_ms =
          retry.retry_delay().seconds() * 1000 + retry.retry_delay().nanos() / 1'000'000;
    }
  }
  if (detail == ErrorDetail{}) return absl::Status(status_code, message);
  return MakeError(status_code, message, detail);
}

std::string ReasonOf(const absl::Status& status) {
  const auto detail = DetailOf(status);
  return detail ? detail->reason : std::string();
}

bool IsDaemonAway(const absl::Status& status) {
  return absl::IsUnavailable(status) && ReasonOf(status).empty();
}

bool ShouldComeAgain(const absl::Status& status) {
  if (absl::IsUnavailable(status)) return true;
  const auto detail = DetailOf(status);
  return detail && detail->reason == "LIMIT_REACHED" && detail->retry_after_ms > 0;
}

}  // namespace grpc_os::client
