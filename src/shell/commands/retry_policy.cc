#include "shell/commands/retry_policy.h"

#include <algorithm>

#include "client/errors.h"

namespace grpc_os::shell {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kFirstPause{100};
constexpr std::chrono::milliseconds kLongestPause{1000};

}  // namespace

void RetryPolicy::Progress() {
  under_way_ = true;
  failing_since_.reset();
  pause_ = kFirstPause;
}

bool RetryPolicy::MayTryAgain(const absl::Status& status) {
  if (!under_way_ || session_.interrupted()) return false;
  // The token ran out in the middle of a stream: the next call renews it.
  const bool expired = client::ReasonOf(status) == "TOKEN_INVALID";
  // A stream that broke off is perhaps not known to have.
  const bool busy = client::ReasonOf(status) == "UPLOAD_BUSY";
  if (!client::ShouldComeAgain(status) && !expired && !busy) return false;
  // Not since it answered: a stream may be silent for long before it breaks off.
  if (!failing_since_.has_value()) failing_since_ = Clock::now();
  if (Clock::now() - *failing_since_ > session_.client().timeout()) return false;
  if (!session_.Pause(pause_)) return false;
  pause_ = std::min(pause_ * 2, kLongestPause);
  return true;
}

}  // namespace grpc_os::shell
