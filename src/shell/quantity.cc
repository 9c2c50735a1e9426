#include "shell/quantity.h"

#include <cmath>
#include <ctime>
#include <span>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace grpc_os::shell {
namespace {

struct Unit {
  const char* name;  // lower case
  double factor;
};

constexpr Unit kTimeUnits[] = {{"", 1e3},   {"s", 1e3},    {"ms", 1},
                               {"m", 60e3}, {"h", 3600e3}, {"d", 86'400e3}};
constexpr Unit kSizeUnits[] = {
    {"", 1},        {"b", 1},         {"k", 1024}, {"kib", 1024},     {"kb", 1e3},
    {"m", 1048576}, {"mib", 1048576}, {"mb", 1e6}, {"g", 1073741824}, {"gib", 1073741824},
    {"gb", 1e9}};
constexpr double kLongestMs = 100 * 365 * 86'400e3;
constexpr double kLargestBytes = 9e18;

absl::StatusOr<int64_t> Parse(const std::string& text, std::span<const Unit> units, double largest,
                              const char* expected) {
  const size_t digits = text.find_first_not_of("0123456789.");
  const std::string number = text.substr(0, digits);
  const std::string unit =
      digits == std::string::npos ? "" : absl::AsciiStrToLower(text.substr(digits));
  double value = 0;
  if (!number.empty() && absl::SimpleAtod(number, &value)) {
    for (const Unit& each : units) {
      if (unit == each.name && value * each.factor <= largest) {
        return static_cast<int64_t>(std::llround(value * each.factor));
      }
    }
  }
  return absl::InvalidArgumentError(absl::StrCat("\"", text, "\" is not ", expected, "."));
}

}  // namespace

absl::StatusOr<int64_t> ParseDurationMs(const std::string& text) {
  return Parse(text, kTimeUnits, kLongestMs, "a duration such as 10s, 500ms, 2m or 1h");
}

absl::StatusOr<int64_t> ParseBytes(const std::string& text) {
  return Parse(text, kSizeUnits, kLargestBytes, "a size such as 65536, 64K, 50M or 2G");
}

std::string FormatDuration(int64_t ms) {
  if (ms < 0) ms = 0;
  if (ms < 10'000) {
    return ms % 1000 < 50 ? absl::StrCat(ms / 1000, "s")
                          : absl::StrFormat("%.1fs", static_cast<double>(ms) / 1000);
  }
  const int64_t seconds = ms / 1000;
  struct Step {
    int64_t size;
    const char* name;
    int64_t next;
    const char* next_name;
  };
  constexpr Step kSteps[] = {{86'400, "d", 3600, "h"}, {3600, "h", 60, "m"}, {60, "m", 1, "s"}};
  for (const Step& step : kSteps) {
    if (seconds < step.size) continue;
    const int64_t rest = seconds % step.size / step.next;
    return rest == 0 ? absl::StrCat(seconds / step.size, step.name)
                     : absl::StrCat(seconds / step.size, step.name, rest, step.next_name);
  }
  return absl::StrCat(seconds, "s");
}

std::string FormatBytes(int64_t bytes) {
  constexpr const char* kNames[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 1024 && unit + 1 < std::size(kNames)) {
    value /= 1024;
    ++unit;
  }
  if (value == std::floor(value)) return absl::StrFormat("%.0f%s", value, kNames[unit]);
  return absl::StrFormat("%.1f%s", value, kNames[unit]);
}

std::string FormatTime(int64_t seconds, int32_t nanos, int digits) {
  const std::time_t time = seconds;
  struct tm utc = {};
  if (::gmtime_r(&time, &utc) == nullptr) return "-";
  std::string text =
      absl::StrFormat("%04d-%02d-%02dT%02d:%02d:%02d", utc.tm_year + 1900, utc.tm_mon + 1,
                      utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec);
  if (digits > 0) {
    absl::StrAppend(&text, ".",
                    absl::StrFormat("%09d", nanos).substr(0, static_cast<size_t>(digits)));
  }
  return text + "Z";
}

}  // namespace grpc_os::shell
