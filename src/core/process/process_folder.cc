#include "core/process/process_folder.h"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/signal_name.h"
#include "core/process/read_log.h"
#include "core/store_error.h"

namespace grpc_os::core {
namespace {

// In the order of bytes.
constexpr std::array<const char*, 4> kFiles = {"env", "exit", "log", "status"};

constexpr int kLogLines = 1000;

// So that no value can be taken for another line.
std::string OneLine(const std::string& text) {
  std::string line;
  line.reserve(text.size());
  for (const char byte : text) {
    if (byte == '\\') {
      line += "\\\\";
    } else if (byte == '\n') {
      line += "\\n";
    } else if (absl::ascii_iscntrl(static_cast<unsigned char>(byte))) {
      absl::StrAppend(&line, "\\x", absl::Hex(static_cast<uint8_t>(byte), absl::kZeroPad2));
    } else {
      line += byte;
    }
  }
  return line;
}

std::string StatusText(const Process& process, const ProcessStatus& status, bool unsaved,
                       const ProcessUsage& usage) {
  return absl::StrCat(
      "id: ", process.id, "\nname: ", process.name, "\nstate: ", ToString(status.state),
      "\ndesired_state: ", ToString(process.desired), "\nready: ", status.ready ? "yes" : "no",
      "\npid: ", status.pid, "\ncommand: ", OneLine(process.spec.command),
      "\nrestart_policy: ", ToString(process.spec.restart), "\nrestarts: ", status.restart_count,
      "\ngeneration: ", process.generation, "\nrunning_generation: ", status.running_generation,
      "\nmemory_bytes: ", usage.memory_bytes, "\ncpu_time_ms: ", usage.cpu_time_ms,
      "\nunsaved: ", unsaved ? "yes" : "no", "\nmessage: ", OneLine(status.message), "\n");
}

std::string EnvironmentText(const Process& process) {
  std::string text;
  for (const auto& [name, value] : process.spec.environment)
    absl::StrAppend(&text, name, "=",
                    process.spec.secrets.contains(name) ? "(secret)" : OneLine(value), "\n");
  return text;
}

// Empty: it has never ended.
std::string ExitText(const ProcessStatus& status) {
  if (!status.last_exit.has_value()) return "";
  const ExitReport& exit = *status.last_exit;
  std::string text = absl::StrCat("reason: ", ToString(exit.reason), "\n");
  if (exit.exit_code.has_value()) absl::StrAppend(&text, "exit_code: ", *exit.exit_code, "\n");
  if (exit.signal != 0) absl::StrAppend(&text, "signal: ", SignalName(exit.signal), "\n");
  absl::StrAppend(&text, "core_dumped: ", exit.core_dumped ? "yes" : "no",
                  "\nrequested: ", exit.requested ? "yes" : "no", "\nattempt: ", exit.attempt,
                  "\nstart_time_ms: ", exit.start_time_ms, "\nexit_time_ms: ", exit.exit_time_ms,
                  "\nmessage: ", OneLine(exit.message), "\n");
  return text;
}

// The end of a log, as it comes; lives until the tail has ended. A line that another stream writes
// into is broken there: each begins a line of its own.
class LogText {
 public:
  void Add(const LogLines& batch) {
    for (const LogLine& line : batch.lines) {
      AddLine(line);
      // The first of one line more than are wanted only tells that there is more.
      if (++lines_ == 1) first_ends_ = text_.size();
    }
    if (text_.size() <= limits::kObjectInlineBytes) return;
    const size_t cut = text_.size() - limits::kObjectInlineBytes;
    const size_t line = text_.find('\n', cut - 1);
    text_.erase(0, line == std::string::npos ? cut : line + 1);
    cut_ = true;
  }
  Object Take(const std::string& name, int64_t now_ms) {
    if (lines_ > kLogLines && !cut_) {
      text_.erase(0, first_ends_);
      cut_ = true;
    }
    Object object = SystemObject(name, std::move(text_), now_ms);
    if (cut_) object.metadata["truncated"] = "true";
    return object;
  }

 private:
  void AddLine(const LogLine& line) {
    if (open_.has_value() && *open_ != line.stream) {
      text_ += '\n';
      broken_.insert(*std::exchange(open_, std::nullopt));
    }
    const bool goes_on_broken = broken_.erase(line.stream) > 0;
    if (goes_on_broken && line.text.empty() && !line.partial) return;  // it has ended already
    absl::StrAppend(&text_, line.text, line.partial ? "" : "\n");
    if (line.partial) {
      open_ = line.stream;
    } else {
      open_.reset();
    }
  }

  // On the source's thread.
  std::string text_;
  std::optional<LogLine::Stream> open_;  // the stream whose line is the last of text_, unfinished
  std::set<LogLine::Stream> broken_;     // those whose line was broken off
  int lines_ = 0;
  size_t first_ends_ = 0;
  bool cut_ = false;
};

}  // namespace

void ProcessFolder::Find(const std::string& path, std::function<void(Found)> done) {
  scheduler_.Post([this, path, done = std::move(done)] { FindOnThread(path, done); });
}

void ProcessFolder::FindOnThread(const std::string& path,
                                 const std::function<void(Found)>& done) const {
  const size_t slash = path.find('/');
  const std::string name = path.substr(0, slash);
  const Process* process = processes_.Find(name);
  // Under its name only: a folder has one.
  if (process == nullptr || process->name != name) return done(std::optional<Object>());
  const int64_t now = scheduler_.NowMs();
  const std::string file = slash == std::string::npos ? "" : path.substr(slash + 1);
  if (file.empty()) return done(std::optional<Object>(SystemFolderObject(name + "/", now)));
  const auto answer = [&](std::string text) {
    done(std::optional<Object>(SystemObject(path, std::move(text), now)));
  };
  ProcessStatus status = processes_.NewestStatus(*process);
  if (status.state == ProcessState::kPending)
    status.message = processes_.WhyPending(*process, [](auto) { return false; });
  if (file == "status") {
    return answer(StatusText(*process, status, processes_.UnsavedOf(process->id) != nullptr,
                             usage_.UsageOf(process->instance_id)));
  }
  if (file == "env") return answer(EnvironmentText(*process));
  if (file == "exit") return answer(ExitText(status));
  if (file == "log") return ReadLog(path, process->id, done);
  done(std::optional<Object>());
}

void ProcessFolder::ReadLog(const std::string& name, const std::string& process_id,
                            std::function<void(Found)> done) const {
  const auto log = std::make_shared<LogText>();
  LogSource::Options options;
  options.process_id = process_id;
  options.lines = kLogLines + 1;
  const auto on_lines = [log](const LogLines& batch) { log->Add(batch); };
  const auto on_end = [log, name, now = scheduler_.NowMs(),
                       done = std::move(done)](const absl::Status& status) {
    if (absl::IsNotFound(status)) return done(std::optional<Object>());
    if (!status.ok()) return done(FromStore(status));
    done(std::optional<Object>(log->Take(name, now)));
  };
  core::ReadLog(logs_, std::move(options), on_lines, on_end);
}

void ProcessFolder::List(const Range& range, std::function<void(Listed)> done) {
  scheduler_.Post([this, range, done = std::move(done)] { done(ListOnThread(range)); });
}

std::vector<Object> ProcessFolder::ListOnThread(const Range& range) const {
  // A folder's name sorts as with its slash: the process "a" comes after "a.b" and "a-b".
  std::vector<std::string> folders;
  for (const Process* process : processes_.List("", limits::kProcesses)) {
    folders.push_back(process->name + "/");
    // No name lies in another: only one that `path` and `after` begin with, or sort before, counts.
    const std::string& folder = folders.back();
    const bool begins = range.path.starts_with(folder) || folder.starts_with(range.path);
    const bool over = folder < range.after && !range.after.starts_with(folder);
    if (!begins || over) folders.pop_back();
  }
  std::sort(folders.begin(), folders.end());
  const int64_t now = scheduler_.NowMs();
  std::vector<Object> objects;
  const auto add = [&](Object object) {
    const bool wanted = object.name.starts_with(range.path) && object.name > range.after &&
                        static_cast<int>(objects.size()) < range.limit;
    if (wanted) objects.push_back(std::move(object));
  };
  for (const std::string& folder : folders) {
    if (static_cast<int>(objects.size()) == range.limit) break;
    if (!range.recursive && range.path.empty()) {
      add(SystemFolderObject(folder, now));
    } else if (range.recursive || folder == range.path) {
      for (const char* file : kFiles) add(SystemObject(folder + file, "", now));
    }
  }
  return objects;
}

}  // namespace grpc_os::core
