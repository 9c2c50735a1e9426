#include "shell/commands/count.h"

#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <ctime>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "manifest/quantity.h"

namespace grpc_os::shell {
namespace {

constexpr int kMost = 1'000'000;
constexpr size_t kDateSize = 10;      // "2026-11-23"
constexpr size_t kMinuteSize = 6;     // "T05:00"
constexpr size_t kPlainZoneSize = 5;  // "+0100"

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

std::optional<google::protobuf::Timestamp> ParseTime(const std::string& text) {
  const std::string day = text.substr(0, kDateSize);
  std::string clock = text.substr(day.size());
  if (!clock.empty() && clock[0] != 'T' && clock[0] != ' ') return std::nullopt;
  const size_t end = std::min(clock.find_first_of("Z+-"), clock.size());
  std::string zone = clock.substr(end);
  clock.resize(end);
  absl::StripTrailingAsciiWhitespace(&clock);
  clock = clock.empty() ? "T00:00:00" : absl::StrCat("T", clock.substr(1));
  if (clock.size() == kMinuteSize) clock += ":00";
  if (zone.size() == kPlainZoneSize) zone.insert(3, ":");
  google::protobuf::Timestamp time;
  const std::string whole = absl::StrCat(day, clock, zone.empty() ? "Z" : zone);
  if (!google::protobuf::util::TimeUtil::FromString(whole, &time)) return std::nullopt;
  if (!zone.empty()) return time;
  const std::time_t as_utc = time.seconds();
  struct tm local = {};
  ::gmtime_r(&as_utc, &local);
  local.tm_isdst = -1;  // as it is then
  time.set_seconds(::mktime(&local));
  return time;
}

absl::StatusOr<google::protobuf::Timestamp> ParseSince(const std::string& text, int64_t now_ms) {
  using google::protobuf::util::TimeUtil;
  if (const auto ago_ms = manifest::ParseDurationMs(text); ago_ms.ok()) {
    return TimeUtil::MillisecondsToTimestamp(now_ms - *ago_ms);
  }
  if (const auto time = ParseTime(text)) return *time;
  return absl::InvalidArgumentError(absl::StrCat(
      "--since needs a time; \"", text,
      "\" is none. Write how long ago, as 90s, 5m, 1h or 2d, or when, as 2026-11-23 or "
      "2026-11-23T05:00 (local time), or 2026-11-23T05:00:00Z."));
}

}  // namespace grpc_os::shell
