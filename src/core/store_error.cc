#include "core/store_error.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "base/error_detail.h"
#include "core/error_reason.h"

namespace grpc_os::core {

absl::Status FromStore(const absl::Status& status) {
  if (DetailOf(status).has_value()) return status;
  if (status.code() != absl::StatusCode::kResourceExhausted &&
      status.code() != absl::StatusCode::kUnavailable)
    return status;
  return MakeError(absl::StatusCode::kUnavailable,
                   absl::StrCat("the store cannot write now: ", status.message()),
                   {.reason = reason::kStoreUnavailable,
                    .metadata = {{"cause", std::string(status.message())}},
                    .retry_after_ms = 1000});
}

}  // namespace grpc_os::core
