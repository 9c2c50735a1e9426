#include "runtime/log_reader.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <optional>
#include <set>
#include <thread>
#include <unordered_map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/event_loop.h"
#include "base/unique_fd.h"
#include "protocol/log_format.h"
#include "runtime/layout.h"
#include "runtime/log_directory.h"
#include "runtime/log_scan.h"

namespace grpc_os::runtime {
namespace {

constexpr uint32_t kLogsEvents = IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_MOVED_FROM | IN_ONLYDIR;
// Whatever else happens in a log directory matters no sooner than something is written or the
// directory removed.
constexpr uint32_t kLogEvents = IN_MODIFY | IN_ONLYDIR;

// One tail; on the reader's thread only.
struct Run {
  LogReader::Options options;
  std::function<void(LogBatch)> on_batch;
  std::function<void(absl::Status)> on_end;
  enum class Phase { kOpening, kSeeking, kReading, kEnded } phase = Phase::kOpening;
  bool scheduled = false;          // a turn is posted
  bool awaiting_continue = false;  // the client has a batch
  bool was_absent = false;         // there was no log when it began, or that was removed
  bool finishing = false;          // following ends with what is there
  bool placed = false;             // the client has a cursor to go on from
  std::shared_ptr<const LogDirectory> directory;
  int watch = -1;  // inotify's, of the directory, while it is followed
  std::unique_ptr<LogScan> scan;
};

}  // namespace

class LogReader::Impl {
 public:
  explicit Impl(std::string logs_directory);
  ~Impl();

  std::shared_ptr<Tail> Start(Options options, std::function<void(LogBatch)> on_batch,
                              std::function<void(absl::Status)> on_end);

 private:
  class Handle;

  void Schedule(const std::shared_ptr<Run>& run);
  void Continue(const std::shared_ptr<Run>& run);
  void Finish(const std::shared_ptr<Run>& run);
  // Does the next piece of a tail's work.
  void Turn(const std::shared_ptr<Run>& run);
  void TurnOpening(const std::shared_ptr<Run>& run);
  void TurnSeeking(const std::shared_ptr<Run>& run);
  void TurnReading(const std::shared_ptr<Run>& run);
  void OpenAnew(const std::shared_ptr<Run>& run);
  void Give(const std::shared_ptr<Run>& run, LogBatch batch);
  void End(const std::shared_ptr<Run>& run, const absl::Status& status);
  void EndAll();

  absl::Status EnsureLogsDirectory();
  absl::StatusOr<std::shared_ptr<const LogDirectory>> OpenDirectory(const std::string& process_id);
  absl::Status Follow(Run& run);
  void Unfollow(Run& run);
  bool IsRemoved(const LogDirectory& directory, const std::string& process_id) const;
  void OnInotify();
  void OnLogsEvent(const std::string& name);
  void Wake(Run* run);

  const std::string logs_directory_;
  // Shared with the handles, whose Continue and Cancel may come after the end of the reader.
  const std::shared_ptr<EventLoop> loop_;
  UniqueFd inotify_;
  UniqueFd logs_;
  int logs_watch_ = -1;
  std::map<Run*, std::shared_ptr<Run>> runs_;
  std::map<std::string, std::weak_ptr<const LogDirectory>> directories_;  // by process id
  std::unordered_map<int, std::set<Run*>> followers_;                     // by inotify watch
  LogScan::Block block_;
  std::thread thread_;
};

// What the client holds. What it posts after the reader's end is dropped by the loop.
class LogReader::Impl::Handle final : public Tail {
 public:
  Handle(Impl* reader, std::shared_ptr<EventLoop> loop, std::weak_ptr<Run> run)
      : reader_(reader), loop_(std::move(loop)), run_(std::move(run)) {}
  ~Handle() override { Cancel(); }

  void Continue() override {
    loop_->Post([reader = reader_, weak = run_] {
      if (const auto run = weak.lock()) reader->Continue(run);
    });
  }
  void Cancel() override {
    loop_->Post([reader = reader_, weak = run_] {
      if (const auto run = weak.lock()) {
        reader->End(run, absl::CancelledError("the reading of the log was cancelled"));
      }
    });
  }
  void Finish() override {
    loop_->Post([reader = reader_, weak = run_] {
      if (const auto run = weak.lock()) reader->Finish(run);
    });
  }

 private:
  Impl* const reader_;  // used on its own thread only, while that runs
  const std::shared_ptr<EventLoop> loop_;
  const std::weak_ptr<Run> run_;
};

LogReader::Impl::Impl(std::string logs_directory)
    : logs_directory_(std::move(logs_directory)),
      loop_(std::make_shared<EventLoop>()),
      inotify_(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
  if (inotify_) {
    loop_->Watch(inotify_.get(), EPOLLIN, [this](uint32_t) { OnInotify(); });
  }
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "log-reader");
    loop_->Run();
  });
}

LogReader::Impl::~Impl() {
  loop_->Post([this] { EndAll(); });
  loop_->Stop();
  thread_.join();
  if (inotify_) loop_->Unwatch(inotify_.get());
}

std::shared_ptr<LogReader::Tail> LogReader::Impl::Start(Options options,
                                                        std::function<void(LogBatch)> on_batch,
                                                        std::function<void(absl::Status)> on_end) {
  auto run = std::make_shared<Run>();
  run->options = std::move(options);
  run->placed = !run->options.cursor.empty();
  run->on_batch = std::move(on_batch);
  run->on_end = std::move(on_end);
  auto handle = std::make_shared<Handle>(this, loop_, run);
  loop_->Post([this, run = std::move(run)] {
    runs_.emplace(run.get(), run);
    Turn(run);
  });
  return handle;
}

void LogReader::Impl::Schedule(const std::shared_ptr<Run>& run) {
  if (run->scheduled || run->phase == Run::Phase::kEnded) return;
  run->scheduled = true;
  loop_->Post([this, run] {
    run->scheduled = false;
    Turn(run);
  });
}

void LogReader::Impl::Continue(const std::shared_ptr<Run>& run) {
  if (!run->awaiting_continue) return;
  run->awaiting_continue = false;
  Turn(run);
}

void LogReader::Impl::Finish(const std::shared_ptr<Run>& run) {
  run->finishing = true;
  Schedule(run);
}

void LogReader::Impl::Turn(const std::shared_ptr<Run>& run) {
  if (run->awaiting_continue) return;
  switch (run->phase) {
    case Run::Phase::kOpening:
      TurnOpening(run);
      break;
    case Run::Phase::kSeeking:
      TurnSeeking(run);
      break;
    case Run::Phase::kReading:
      TurnReading(run);
      break;
    case Run::Phase::kEnded:
      break;
  }
}

void LogReader::Impl::TurnOpening(const std::shared_ptr<Run>& run) {
  const Options& options = run->options;
  absl::Status status = CheckProcessId(options.process_id);
  const std::optional<protocol::LogCursor> cursor = protocol::ParseCursor(options.cursor);
  if (status.ok() && !options.cursor.empty() && !cursor) {
    status = absl::OutOfRangeError(
        absl::StrCat("'", options.cursor.substr(0, 64),
                     "' is no cursor of a log; give one from an earlier answer, or none"));
  }
  // Watched before it is looked at, so that nothing happens unseen in between.
  if (status.ok()) status = EnsureLogsDirectory();
  if (!status.ok()) return End(run, status);
  absl::StatusOr<std::shared_ptr<const LogDirectory>> directory = OpenDirectory(options.process_id);
  if (absl::IsNotFound(directory.status())) {
    if (cursor && !options.follow) {
      return End(run, absl::OutOfRangeError("there is no log for this cursor"));
    }
    if (!options.follow || run->finishing) return End(run, absl::OkStatus());
    run->was_absent = true;
    return;  // its creation wakes it
  }
  if (!directory.ok()) return End(run, directory.status());
  run->directory = *std::move(directory);
  if (options.follow) status = Follow(*run);
  if (!status.ok()) return End(run, status);
  run->scan = std::make_unique<LogScan>(run->directory, options.follow);
  if (run->was_absent) {
    run->scan->SeekFirst();
  } else if (cursor) {
    status = run->scan->SeekCursor(*cursor, block_);
  } else {
    status = run->scan->SeekLast(options.lines, block_);
  }
  if (!status.ok()) return End(run, status);
  run->phase = Run::Phase::kSeeking;
  Schedule(run);
}

void LogReader::Impl::TurnSeeking(const std::shared_ptr<Run>& run) {
  const absl::StatusOr<bool> found = run->scan->SeekOn(block_);
  if (!found.ok()) return End(run, found.status());
  if (*found) run->phase = Run::Phase::kReading;
  Schedule(run);
}

void LogReader::Impl::TurnReading(const std::shared_ptr<Run>& run) {
  LogBatch batch;
  const absl::StatusOr<LogScan::Progress> progress = run->scan->Read(batch, block_);
  if (!progress.ok()) return End(run, progress.status());
  if (!batch.entries.empty()) return Give(run, std::move(batch));
  switch (*progress) {
    case LogScan::Progress::kMore:
      Schedule(run);
      break;
    case LogScan::Progress::kEnd:
      End(run, absl::OkStatus());
      break;
    case LogScan::Progress::kCaughtUp:
      if (run->finishing) return End(run, absl::OkStatus());
      if (IsRemoved(*run->directory, run->options.process_id)) return OpenAnew(run);
      batch.cursor = run->placed ? "" : run->scan->Cursor();
      if (!batch.cursor.empty()) return Give(run, std::move(batch));
      break;  // inotify wakes it
  }
}

// Somebody removed the log. What the process writes from now on goes to a new one.
void LogReader::Impl::OpenAnew(const std::shared_ptr<Run>& run) {
  Unfollow(*run);
  run->scan.reset();
  run->directory.reset();
  directories_.erase(run->options.process_id);
  run->was_absent = true;
  run->phase = Run::Phase::kOpening;
  Schedule(run);
}

void LogReader::Impl::Give(const std::shared_ptr<Run>& run, LogBatch batch) {
  run->placed = true;
  run->awaiting_continue = true;
  run->on_batch(std::move(batch));
}

void LogReader::Impl::End(const std::shared_ptr<Run>& run, const absl::Status& status) {
  if (run->phase == Run::Phase::kEnded) return;
  run->phase = Run::Phase::kEnded;
  Unfollow(*run);
  run->scan.reset();
  run->directory.reset();
  const auto directory = directories_.find(run->options.process_id);
  if (directory != directories_.end() && directory->second.expired()) directories_.erase(directory);
  const std::shared_ptr<Run> keep = run;  // NOLINT(performance-unnecessary-copy-initialization)
  runs_.erase(run.get());
  // Let go of the client's objects on this thread, now.
  run->on_batch = nullptr;
  const auto on_end = std::exchange(keep->on_end, nullptr);
  on_end(status);
}

void LogReader::Impl::EndAll() {
  while (!runs_.empty()) {
    const std::shared_ptr<Run> run = runs_.begin()->second;
    End(run, absl::UnavailableError("the daemon is shutting down; try again"));
  }
}

absl::Status LogReader::Impl::EnsureLogsDirectory() {
  struct stat ours {};
  struct stat there {};
  const bool same = logs_ && fstat(logs_.get(), &ours) == 0 &&
                    stat(logs_directory_.c_str(), &there) == 0 && ours.st_dev == there.st_dev &&
                    ours.st_ino == there.st_ino;
  if (same && logs_watch_ >= 0) return absl::OkStatus();
  if (!inotify_) {
    return absl::ResourceExhaustedError(
        "logs cannot be followed: no inotify instance could be made; raise the limits of open "
        "files "
        "and fs.inotify.max_user_instances");
  }
  // Whoever is first makes it: its supervisors are the same account.
  mkdir(logs_directory_.c_str(), 0750);
  UniqueFd logs(open(logs_directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!logs) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", logs_directory_));
  }
  if (logs_watch_ >= 0) inotify_rm_watch(inotify_.get(), logs_watch_);
  logs_watch_ = inotify_add_watch(inotify_.get(),
                                  absl::StrCat("/proc/self/fd/", logs.get()).c_str(), kLogsEvents);
  if (logs_watch_ < 0) {
    return absl::ResourceExhaustedError(
        absl::StrCat("cannot watch ", logs_directory_, "; raise fs.inotify.max_user_watches"));
  }
  logs_ = std::move(logs);
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const LogDirectory>> LogReader::Impl::OpenDirectory(
    const std::string& process_id) {
  std::weak_ptr<const LogDirectory>& known = directories_[process_id];
  if (auto shared = known.lock(); shared && !IsRemoved(*shared, process_id)) return shared;
  absl::StatusOr<LogDirectory> opened = LogDirectory::Open(logs_.get(), process_id);
  if (!opened.ok()) {
    directories_.erase(process_id);
    return opened.status();
  }
  auto directory = std::make_shared<const LogDirectory>(*std::move(opened));
  known = directory;
  return directory;
}

absl::Status LogReader::Impl::Follow(Run& run) {
  // By descriptor, so that it is the directory that is read. Of one directory, all tails get the
  // same watch.
  run.watch = inotify_add_watch(
      inotify_.get(), absl::StrCat("/proc/self/fd/", run.directory->fd()).c_str(), kLogEvents);
  if (run.watch < 0) {
    return absl::ResourceExhaustedError(
        "the log cannot be followed; raise fs.inotify.max_user_watches");
  }
  followers_[run.watch].insert(&run);
  return absl::OkStatus();
}

void LogReader::Impl::Unfollow(Run& run) {
  const auto it = followers_.find(std::exchange(run.watch, -1));
  if (it == followers_.end()) return;
  it->second.erase(&run);
  if (!it->second.empty()) return;
  inotify_rm_watch(inotify_.get(), it->first);
  followers_.erase(it);
}

bool LogReader::Impl::IsRemoved(const LogDirectory& directory,
                                const std::string& process_id) const {
  struct stat ours {};
  struct stat there {};
  return fstat(directory.fd(), &ours) != 0 ||
         fstatat(logs_.get(), process_id.c_str(), &there, AT_SYMLINK_NOFOLLOW) != 0 ||
         ours.st_dev != there.st_dev || ours.st_ino != there.st_ino;
}

void LogReader::Impl::OnInotify() {
  alignas(inotify_event) std::array<char, 16 << 10> events;
  const ssize_t size = read(inotify_.get(), events.data(), events.size());
  for (ssize_t at = 0; at < size;) {
    const auto* event = reinterpret_cast<const inotify_event*>(events.data() + at);
    at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
    if ((event->mask & IN_Q_OVERFLOW) != 0) {
      // Something was not told: everyone looks.
      for (const auto& [run, shared] : runs_) Wake(run);
    } else if (event->wd == logs_watch_) {
      OnLogsEvent(event->len > 0 ? event->name : "");
    } else if (const auto it = followers_.find(event->wd); it != followers_.end()) {
      for (Run* run : it->second) Wake(run);
    }
  }
}

void LogReader::Impl::OnLogsEvent(const std::string& name) {
  // Removed, or come, or both: those that want it look, by its name.
  directories_.erase(name);
  for (const auto& [run, shared] : runs_) {
    if (run->options.process_id == name) Wake(run);
  }
}

void LogReader::Impl::Wake(Run* run) {
  if (!run->awaiting_continue) Schedule(runs_.at(run));
}

LogReader::LogReader(std::string logs_directory)
    : impl_(std::make_unique<Impl>(std::move(logs_directory))) {}
LogReader::~LogReader() = default;

std::shared_ptr<LogReader::Tail> LogReader::Start(Options options,
                                                  std::function<void(LogBatch)> on_batch,
                                                  std::function<void(absl::Status)> on_end) {
  return impl_->Start(std::move(options), std::move(on_batch), std::move(on_end));
}

}  // namespace grpc_os::runtime
