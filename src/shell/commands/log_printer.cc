#include "shell/commands/log_printer.h"

#include <utility>

#include "shell/escape.h"
#include "shell/quantity.h"
#include "shell/render/table.h"

namespace grpc_os::shell {
namespace {

// A line without an end is shown in pieces of this size.
constexpr size_t kLongestJoined = 1 << 20;

}  // namespace

const std::string& ContentOf(const v1::LogLine& line) {
  return line.raw().empty() ? line.text() : line.raw();
}

void LogPrinter::Print(const v1::LogLine& line) {
  Unfinished& unfinished = unfinished_[line.stream()];
  if (unfinished.text.empty() && timestamps_) {
    unfinished.prefix = FormatTime(line.time().seconds(), line.time().nanos(), 3) + " ";
  }
  unfinished.text += ContentOf(line);
  if (line.partial() && unfinished.text.size() < kLongestJoined) return;
  const Unfinished ready = std::move(unfinished);
  unfinished_.erase(line.stream());
  Write(line.stream(), ready.prefix, ready.text, !line.partial());
}

void LogPrinter::Pause() {
  for (auto& [stream, unfinished] : std::exchange(unfinished_, {})) {
    Write(static_cast<v1::LogLine::Stream>(stream), unfinished.prefix, unfinished.text, false);
  }
  console_.out << std::flush;
}

void LogPrinter::Finish() {
  Pause();
  if (open_ != 0) console_.out << "\n";
  open_ = 0;
  console_.out << std::flush;
}

void LogPrinter::BreakLine() {
  if (open_ == 0) return;
  console_.out << "\n";
  broken_.insert(std::exchange(open_, 0));
}

void LogPrinter::Write(v1::LogLine::Stream stream, const std::string& prefix,
                       const std::string& text, bool whole) {
  if (stream == v1::LogLine::STREAM_SYSTEM) {
    BreakLine();
    console_.out << std::flush;
    console_.err << Styled(prefix + "-- " + EscapeForTerminal(text), Style::kDim,
                           console_.color && console_.err_is_terminal)
                 << "\n"
                 << std::flush;
    return;
  }
  if (open_ != stream) BreakLine();
  const bool goes_on_broken = broken_.erase(stream) > 0;
  if (goes_on_broken && text.empty() && whole) return;  // it has ended already
  if (open_ == 0) console_.out << prefix;
  console_.out << (console_.out_is_terminal ? EscapeForTerminal(text, Tabs::kKeep) : text);
  if (whole) console_.out << "\n";
  open_ = whole ? 0 : stream;
}

}  // namespace grpc_os::shell
