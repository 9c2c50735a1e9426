#include "core/retention_clock.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace grpc_os::core {

std::string RetentionClock::Mark::ToText() const {
  return absl::StrCat(time_ms, " ", uptime_ms, " ", window_ms, " ", ahead_ms, " ", latest_ms, " ",
                      boot_id, "\n");
}

std::optional<RetentionClock::Mark> RetentionClock::Mark::FromText(const std::string& text) {
  const std::vector<std::string> words =
      absl::StrSplit(absl::StripAsciiWhitespace(text), absl::MaxSplits(' ', 5));
  Mark mark;
  int64_t* const numbers[] = {&mark.time_ms, &mark.uptime_ms, &mark.window_ms, &mark.ahead_ms,
                              &mark.latest_ms};
  if (words.size() != std::size(numbers) + 1) return std::nullopt;
  for (size_t i = 0; i < std::size(numbers); ++i) {
    if (!absl::SimpleAtoi(words[i], numbers[i]) || *numbers[i] < 0) return std::nullopt;
  }
  mark.boot_id = words.back();
  return mark;
}

RetentionClock::RetentionClock(Sources sources, int64_t jump_lasts_ms,
                               const std::optional<Mark>& mark)
    : sources_(std::move(sources)), jump_lasts_ms_(jump_lasts_ms) {
  auto own = mark_.Lock();
  *own = mark.value_or(Mark{.time_ms = sources_.wall_ms()});
  // While the machine was off nothing is known to have passed.
  const int64_t uptime_ms = sources_.uptime_ms();
  if (!mark.has_value() || own->boot_id != sources_.boot_id || own->uptime_ms > uptime_ms)
    own->uptime_ms = uptime_ms;
  own->boot_id = sources_.boot_id;
  Advance(*own);
}

int64_t RetentionClock::NowMs() const {
  auto mark = mark_.Lock();
  Advance(*mark);
  return mark->time_ms;
}

int64_t RetentionClock::LatestMs() const {
  const Mark now = mark();
  return std::max(now.latest_ms, now.time_ms);
}

RetentionClock::Mark RetentionClock::mark() const {
  auto mark = mark_.Lock();
  Advance(*mark);
  return *mark;
}

void RetentionClock::Advance(Mark& mark) const {
  mark.latest_ms = std::max(mark.latest_ms, mark.time_ms);
  const int64_t uptime_ms = sources_.uptime_ms();
  const int64_t passed_ms = std::max<int64_t>(uptime_ms - mark.uptime_ms, 0);
  mark.uptime_ms = uptime_ms;
  mark.time_ms += passed_ms;
  mark.window_ms += passed_ms;
  const int64_t ahead_ms = sources_.wall_ms() - mark.time_ms;
  if (ahead_ms <= 0) {
    mark.time_ms += ahead_ms;
    mark.ahead_ms = 0;
    return;
  }
  mark.ahead_ms = std::min(mark.ahead_ms, ahead_ms);
  if (mark.window_ms < jump_lasts_ms_) return;
  mark.time_ms += mark.ahead_ms;
  mark.ahead_ms = ahead_ms - mark.ahead_ms;
  mark.window_ms = 0;
}

}  // namespace grpc_os::core
