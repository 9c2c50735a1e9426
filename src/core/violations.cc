#include "core/violations.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/error_reason.h"

namespace grpc_os::core {

void Violations::Add(std::string field, std::string description) {
  // They travel in trailers, which have a limit of 8 KiB in all.
  constexpr size_t kMost = 12;
  constexpr size_t kFieldBytes = 96;
  if (found_.size() == kMost) return;
  if (field.size() > kFieldBytes) field = absl::StrCat(field.substr(0, kFieldBytes), "...");
  found_.push_back({std::move(field), std::move(description)});
}

absl::Status Violations::ToStatus() const {
  if (found_.empty()) return absl::OkStatus();
  ErrorDetail detail;
  detail.reason = reason::kFieldInvalid;
  detail.violations = found_;
  detail.metadata["field"] = found_.front().field;
  return MakeError(absl::StatusCode::kInvalidArgument,
                   absl::StrJoin(found_, "; ",
                                 [](std::string* out, const FieldViolation& violation) {
                                   absl::StrAppend(out, violation.field, ": ",
                                                   violation.description);
                                 }),
                   detail);
}

}  // namespace grpc_os::core
