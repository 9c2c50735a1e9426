// What an absl::Status of ours carries beside its code and message.
#ifndef GRPC_OS_BASE_ERROR_DETAIL_H_
#define GRPC_OS_BASE_ERROR_DETAIL_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace grpc_os {

struct FieldViolation {
  std::string field;  // the path of the field in the request: "process.spec.command"
  std::string description;

  bool operator==(const FieldViolation&) const = default;
};

// Becomes google.rpc.ErrorInfo, BadRequest and RetryInfo at the border of the API.
struct ErrorDetail {
  std::string reason;                                // core/error_reason.h
  std::map<std::string, std::string> metadata = {};  // the variable parts of the message
  std::vector<FieldViolation> violations = {};
  int64_t retry_after_ms = 0;  // 0: a retry does not help by itself

  bool operator==(const ErrorDetail&) const = default;
};

// An error status with its detail attached.
absl::Status MakeError(absl::StatusCode code, std::string_view message, const ErrorDetail& detail);
// The detail of a status, if it has one.
std::optional<ErrorDetail> DetailOf(const absl::Status& status);

}  // namespace grpc_os

#endif  // GRPC_OS_BASE_ERROR_DETAIL_H_
