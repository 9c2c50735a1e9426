#include "store/storage_error.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "base/error_detail.h"
#include "core/disk.h"
#include "core/error_reason.h"

namespace grpc_os::store {
namespace {

constexpr int64_t kRetryAfterMs = 1000;

}  // namespace

bool IsStorageFailure(const absl::Status& status) {
  return (absl::IsResourceExhausted(status) || absl::IsUnavailable(status) ||
          absl::IsDataLoss(status)) &&
         !DetailOf(status).has_value();
}

absl::Status StorageError(const char* what, const absl::Status& status) {
  if (!absl::IsResourceExhausted(status) && !absl::IsUnavailable(status)) return status;
  if (DetailOf(status).has_value()) return status;
  if (absl::IsResourceExhausted(status))
    return core::DiskFullError(std::string(status.message()), what);
  return MakeError(absl::StatusCode::kUnavailable, absl::StrCat(what, ": ", status.message()),
                   {.reason = core::reason::kStoreUnavailable,
                    .metadata = {{"cause", std::string(status.message())}},
                    .violations = {},
                    .retry_after_ms = kRetryAfterMs});
}

absl::Status ShuttingDownError() {
  return MakeError(absl::StatusCode::kUnavailable,
                   "the daemon is shutting down and takes no more work; try again",
                   {.reason = core::reason::kShuttingDown,
                    .metadata = {},
                    .violations = {},
                    .retry_after_ms = kRetryAfterMs});
}

absl::Status QueueFullError(const char* queue, int limit) {
  return MakeError(
      absl::StatusCode::kResourceExhausted,
      absl::StrCat(queue, " is full: ", limit, " requests wait in it already; try again later"),
      {.reason = core::reason::kLimitReached,
       .metadata = {{"limit", std::string(queue)}, {"value", absl::StrCat(limit)}},
       .violations = {},
       .retry_after_ms = kRetryAfterMs});
}

}  // namespace grpc_os::store
