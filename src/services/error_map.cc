#include "services/error_map.h"

#include "absl/strings/str_cat.h"
#include "base/error_detail.h"
#include "core/error_reason.h"
#include "grpc_os/internal/v1/rpc_status.pb.h"

namespace grpc_os::services {
namespace {

namespace wire = internal::v1;

constexpr char kDomain[] = "grpc-os";
constexpr size_t kMessageBytes = 2048;  // trailers have a limit of 8 KiB in all
constexpr size_t kMetadataBytes = 256;

void Pack(const google::protobuf::Message& message, const char* type, wire::RpcStatus& out) {
  auto* detail = out.add_details();
  detail->set_type_url(absl::StrCat("type.googleapis.com/google.rpc.", type));
  message.SerializeToString(detail->mutable_value());
}

const char* ReasonOf(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kUnavailable:
      return core::reason::kStoreUnavailable;
    case absl::StatusCode::kResourceExhausted:
      return core::reason::kLimitReached;
    case absl::StatusCode::kDataLoss:
      return core::reason::kStoreDamaged;
    case absl::StatusCode::kOutOfRange:
      return core::reason::kRevisionUnavailable;
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kCancelled:
      return core::reason::kDeadlinePassed;
    default:
      return core::reason::kInternal;
  }
}

}  // namespace

std::string CutText(const std::string& text, size_t limit) {
  if (text.size() <= limit) return text;
  while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xc0) == 0x80)
    --limit;  // not in mid-character
  return text.substr(0, limit) + "...";
}

WireStatus ToWire(const absl::Status& status, const std::string& request_id) {
  if (status.ok()) return {};
  auto code = status.code();
  std::string text(status.message());
  ErrorDetail detail;
  if (auto found = DetailOf(status); found.has_value()) {
    detail = *std::move(found);
  } else {
    detail.reason = ReasonOf(code);
    if (detail.reason == core::reason::kInternal) {
      code = absl::StatusCode::kInternal;
      text = absl::StrCat("a defect of gRPC OS; its log has more under request id ", request_id);
    }
  }
  wire::RpcStatus out;
  out.set_code(static_cast<int>(code));
  out.set_message(CutText(text, kMessageBytes));
  wire::ErrorInfo info;
  info.set_reason(detail.reason);
  info.set_domain(kDomain);
  for (const auto& [key, value] : detail.metadata)
    (*info.mutable_metadata())[key] = CutText(value, kMetadataBytes);
  Pack(info, "ErrorInfo", out);
  if (!detail.violations.empty()) {
    wire::BadRequest bad;
    for (const FieldViolation& violation : detail.violations) {
      auto* field = bad.add_field_violations();
      field->set_field(violation.field);
      field->set_description(CutText(violation.description, kMetadataBytes));
    }
    Pack(bad, "BadRequest", out);
  }
  if (detail.retry_after_ms > 0) {
    wire::RetryInfo retry;
    retry.mutable_retry_delay()->set_seconds(detail.retry_after_ms / 1000);
    retry.mutable_retry_delay()->set_nanos(static_cast<int>(detail.retry_after_ms % 1000) *
                                           1000000);
    Pack(retry, "RetryInfo", out);
  }
  wire::RequestInfo request;
  request.set_request_id(request_id);
  Pack(request, "RequestInfo", out);
  return {code, out.message(), out.SerializeAsString()};
}

}  // namespace grpc_os::services
