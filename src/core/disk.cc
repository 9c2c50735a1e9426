#include "core/disk.h"

#include "absl/strings/str_cat.h"
#include "base/error_detail.h"
#include "core/error_reason.h"

namespace grpc_os::core {

// No time to come again after: a retry alone gives no room.
absl::Status DiskFullError(const std::string& cause, const std::string& what) {
  return MakeError(
      absl::StatusCode::kUnavailable,
      absl::StrCat(cause, "; ", what,
                   ". What gives room works: `kill NAME`, `delete NAME`, `rm --now PATH`"),
      {.reason = reason::kDiskFull, .metadata = {{"cause", cause}}});
}

bool IsDiskFullError(const absl::Status& status) {
  const auto detail = DetailOf(status);
  return detail.has_value() && detail->reason == reason::kDiskFull;
}

}  // namespace grpc_os::core
