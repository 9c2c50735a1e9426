#include "shell/commands/count.h"

#include <google/protobuf/util/time_util.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "manifest/quantity.h"

namespace grpc_os::shell {
namespace {

constexpr int kMost = 1'000'000;
constexpr size_t kDateSize = 10;  // "2026-11-23"

}  // namespace

absl::StatusOr<int> CountOption(const Arguments& arguments, int fallback) {
  const auto text = arguments.Value("lines");
  if (!text) return fallback;
  int count = 0;
  if (!absl::SimpleAtoi(*text, &count) || count < 0 || count > kMost) {
    return absl::InvalidArgumentError(
        absl::StrCat("-n needs a number from 0 to ", kMost, "; \"", *text, "\" is none."));
  }
  return count;
}

absl::StatusOr<google::protobuf::Timestamp> ParseSince(const std::string& text, int64_t now_ms) {
  using google::protobuf::util::TimeUtil;
  if (const auto ago_ms = manifest::ParseDurationMs(text); ago_ms.ok()) {
    return TimeUtil::MillisecondsToTimestamp(now_ms - *ago_ms);
  }
  google::protobuf::Timestamp time;
  const std::string whole = text.size() == kDateSize ? text + "T00:00:00Z" : text;
  if (TimeUtil::FromString(whole, &time)) return time;
  return absl::InvalidArgumentError(absl::StrCat(
      "--since needs a time; \"", text,
      "\" is none. Write how long ago, as 90s, 5m, 1h or 2d, or when, as 2026-11-23 or "
      "2026-11-23T05:00:00Z."));
}

}  // namespace grpc_os::shell
