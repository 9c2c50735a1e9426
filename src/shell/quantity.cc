#include "shell/quantity.h"

#include <cmath>
#include <cstdlib>
#include <ctime>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace grpc_os::shell {
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
  struct tm local = {};
  if (::localtime_r(&time, &local) == nullptr) return "-";
  std::string text =
      absl::StrFormat("%04d-%02d-%02d %02d:%02d:%02d", local.tm_year + 1900, local.tm_mon + 1,
                      local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec);
  if (digits > 0) {
    absl::StrAppend(&text, ".",
                    absl::StrFormat("%09d", nanos).substr(0, static_cast<size_t>(digits)));
  }
  const auto minutes = static_cast<int>(local.tm_gmtoff / 60);
  absl::StrAppendFormat(&text, " %c%02d%02d", minutes < 0 ? '-' : '+', std::abs(minutes) / 60,
                        std::abs(minutes) % 60);
  return text;
}

}  // namespace grpc_os::shell
