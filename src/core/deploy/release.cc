#include "core/deploy/release.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/signal_name.h"
#include "base/utf8.h"

namespace grpc_os::core {
namespace {

std::string HowItEnded(const TaskEnd& end) {
  if (end.timed_out) return absl::StrCat("it took longer than ", limits::kReleaseMs / 1000, " s");
  if (end.exit.exit_code) return absl::StrCat("exit code ", *end.exit.exit_code);
  if (end.exit.signal != 0) return absl::StrCat("killed by ", SignalName(end.exit.signal));
  return "how it ended is not known";
}

// Keeps the end of what it writes.
class ReleaseSink final : public TaskSink {
 public:
  ReleaseSink(Tasks& tasks, std::function<void(absl::Status)> done)
      : tasks_(tasks), done_(std::move(done)) {}
  void SetId(std::string id) { id_ = std::move(id); }

  void OnStarted(int /*pid*/) override {}
  void OnOutput(TaskStream /*stream*/, std::string bytes) override {
    text_ += bytes;
    if (text_.size() > kKept) text_.erase(0, text_.size() - kKept);
    tasks_.Continue(id_);
  }
  void OnEnded(absl::StatusOr<TaskEnd> end) override {
    if (!end.ok()) return done_(end.status());
    if (end->exit.exit_code == 0) return done_(absl::OkStatus());
    done_(absl::AbortedError(absl::StrCat(HowItEnded(*end), LastLines())));
  }

 private:
  static constexpr size_t kKept = limits::kDeployMessageBytes / 2;

  std::string LastLines() const {
    std::string text = text_;
    while (text.ends_with('\n')) text.pop_back();
    if (text.empty()) return "";
    size_t from = text.size();
    for (int lines = 0; from != std::string::npos && lines < limits::kDeployLogLines; ++lines)
      from = from == 0 ? std::string::npos : text.rfind('\n', from - 1);
    if (from != std::string::npos) {
      text.erase(0, from + 1);
    } else if (text_.size() == kKept) {  // its first line has lost its beginning
      text.erase(0, std::min(text.find('\n'), text.size() - 1) + 1);
    }
    std::string lines = "\nThe last lines that it wrote:";
    for (size_t at = 0; at < text.size();) {
      const size_t end = std::min(text.find('\n', at), text.size());
      const std::string line = text.substr(at, end - at);
      absl::StrAppend(&lines, "\n  ", IsValidUtf8(line) ? line : absl::CHexEscape(line));
      at = end + 1;
    }
    return lines;
  }

  Tasks& tasks_;
  const std::function<void(absl::Status)> done_;
  std::string id_;
  std::string text_;
};

}  // namespace

void RunRelease(Tasks& tasks, const Process& process, const std::string& command,
                std::function<void(absl::Status)> done) {
  TaskSpec task;
  task.process = process;
  task.process.spec.command = command;
  task.timeout_ms = limits::kReleaseMs;
  const auto sink = std::make_shared<ReleaseSink>(tasks, done);
  const auto id = tasks.Start(task, sink);
  if (!id.ok()) return done(id.status());
  sink->SetId(*id);
}

}  // namespace grpc_os::core
