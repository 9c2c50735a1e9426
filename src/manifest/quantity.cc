#include "manifest/quantity.h"

#include <cmath>
#include <span>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace grpc_os::manifest {
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

}  // namespace grpc_os::manifest
