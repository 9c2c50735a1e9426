#include "shell/commands/progress.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "shell/escape.h"
#include "shell/quantity.h"

namespace grpc_os::shell {
namespace {

constexpr std::chrono::milliseconds kBetween{200};
constexpr size_t kBarColumns = 24;

}  // namespace

std::string ProgressLine(const std::string& what, std::optional<int64_t> total, int64_t done,
                         int64_t per_second, size_t columns, Progress::Amount amount) {
  std::string line = what;
  if (total && *total > 0) {
    const double part =
        std::clamp(static_cast<double>(done) / static_cast<double>(*total), 0.0, 1.0);
    const auto filled = static_cast<size_t>(part * kBarColumns);
    absl::StrAppendFormat(&line, "  %3d%%  [%s%s]  %s of %s", static_cast<int>(part * 100),
                          std::string(filled, '#'), std::string(kBarColumns - filled, ' '),
                          amount(done), amount(*total));
  } else {
    absl::StrAppend(&line, "  ", amount(done));
  }
  if (per_second > 0) {
    absl::StrAppend(&line, "  ", amount(per_second), "/s");
    const int64_t seconds_left = total ? (*total - done) / per_second : 0;
    if (seconds_left > 0) {
      absl::StrAppend(&line, "  ", FormatDuration(seconds_left * 1000), " left");
    }
  }
  // The last column stays free: some terminals begin a new line behind it.
  return columns > 1 ? CutToWidth(line, columns - 1) : line;
}

Progress::Progress(Session& session, const std::string& what, std::optional<int64_t> total,
                   int64_t done, Amount amount)
    : session_(session),
      what_(EscapeForTerminal(what)),
      total_(total),
      before_(done),
      amount_(amount) {}

Progress::~Progress() { Clear(); }

void Progress::Clear() {
  if (any_) session_.err() << "\r\x1b[K" << std::flush;
  any_ = false;
}

void Progress::At(int64_t done) {
  if (!session_.console().shows_progress) return;
  const auto now = Clock::now();
  if (now - shown_ < kBetween) return;
  shown_ = now;
  any_ = true;
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now - began_).count();
  const int64_t rate = (done - before_) * 1000 / std::max<int64_t>(ms, 1);
  const size_t columns = session_.console().size ? session_.console().size().columns : 0;
  session_.err() << "\r" << ProgressLine(what_, total_, done, rate, columns, amount_) << "\x1b[K"
                 << std::flush;
}

void SayThatItGoesOn(Session& session, const std::string& what, const std::string& more) {
  if (!session.for_people()) return;
  session.err() << EscapeForTerminal(what) << ": incomplete; run the same command again to resume"
                << more << "\n"
                << std::flush;
}

void SayGoingOn(Session& session, const std::string& what, int64_t bytes) {
  if (!session.for_people()) return;
  session.err() << EscapeForTerminal(what) << ": resuming after " << FormatBytes(bytes) << "\n"
                << std::flush;
}

}  // namespace grpc_os::shell
