#include "edge/access_logs.h"

#include <pthread.h>

#include <map>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/event_loop.h"
#include "edge/access_log_scan.h"

namespace grpc_os::edge {
namespace {

// One tail; on the thread of the source only.
struct Run {
  core::LogSource::Options options;
  std::function<void(core::LogLines)> on_lines;
  std::function<void(absl::Status)> on_end;
  enum class Phase { kOpening, kSeeking, kReading, kEnded } phase = Phase::kOpening;
  bool scheduled = false;          // a turn is posted
  bool awaiting_continue = false;  // the client has a batch
  bool finishing = false;          // following ends with what is there
  bool placed = false;             // the client has a cursor to go on from
  bool waiting = false;            // for new lines
  std::unique_ptr<AccessLogScan> scan;
};

}  // namespace

class AccessLogs::Impl {
 public:
  Impl(std::string directory, Timing timing);
  ~Impl();

  std::shared_ptr<Tail> Start(Options options, std::function<void(core::LogLines)> on_lines,
                              std::function<void(absl::Status)> on_end);

 private:
  class Handle;

  void Schedule(const std::shared_ptr<Run>& run);
  // Does the next piece of a tail's work.
  void Turn(const std::shared_ptr<Run>& run);
  void TurnOpening(const std::shared_ptr<Run>& run);
  void TurnSeeking(const std::shared_ptr<Run>& run);
  void TurnReading(const std::shared_ptr<Run>& run);
  void CaughtUp(const std::shared_ptr<Run>& run);
  void Wait(Run& run);
  void Poll();
  void Give(const std::shared_ptr<Run>& run, core::LogLines batch);
  void End(const std::shared_ptr<Run>& run, const absl::Status& status);
  void EndAll();

  const std::string directory_;
  const Timing timing_;
  // Shared with the handles, whose Continue and Cancel may come after the end of the source.
  const std::shared_ptr<EventLoop> loop_;
  std::map<Run*, std::shared_ptr<Run>> runs_;
  bool polling_ = false;
  AccessLogScan::Block block_;
  std::thread thread_;
};

// What the client holds. What it posts after the end of the source is dropped by the loop.
class AccessLogs::Impl::Handle final : public Tail {
 public:
  Handle(Impl* source, std::shared_ptr<EventLoop> loop, std::weak_ptr<Run> run)
      : source_(source), loop_(std::move(loop)), run_(std::move(run)) {}
  ~Handle() override { Handle::Cancel(); }

  void Continue() override {
    Post([](Impl& source, const std::shared_ptr<Run>& run) {
      if (std::exchange(run->awaiting_continue, false)) source.Turn(run);
    });
  }
  void Cancel() override {
    Post([](Impl& source, const std::shared_ptr<Run>& run) {
      source.End(run, absl::CancelledError("the reading of the log was cancelled"));
    });
  }
  void Finish() override {
    Post([](Impl& source, const std::shared_ptr<Run>& run) {
      run->finishing = true;
      source.Schedule(run);
    });
  }

 private:
  template <typename Work>
  void Post(Work work) {
    loop_->Post([source = source_, weak = run_, work] {
      if (const auto run = weak.lock()) work(*source, run);
    });
  }

  Impl* const source_;  // used on its own thread only, while that runs
  const std::shared_ptr<EventLoop> loop_;
  const std::weak_ptr<Run> run_;
};

AccessLogs::Impl::Impl(std::string directory, Timing timing)
    : directory_(std::move(directory)), timing_(timing), loop_(std::make_shared<EventLoop>()) {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "access-logs");
    loop_->Run();
  });
}

AccessLogs::Impl::~Impl() {
  loop_->Post([this] { EndAll(); });
  loop_->Stop();
  thread_.join();
}

std::shared_ptr<core::LogSource::Tail> AccessLogs::Impl::Start(
    Options options, std::function<void(core::LogLines)> on_lines,
    std::function<void(absl::Status)> on_end) {
  auto run = std::make_shared<Run>();
  run->options = std::move(options);
  run->placed = !run->options.cursor.empty();
  run->on_lines = std::move(on_lines);
  run->on_end = std::move(on_end);
  auto handle = std::make_shared<Handle>(this, loop_, run);
  loop_->Post([this, run = std::move(run)] {
    runs_.emplace(run.get(), run);
    Turn(run);
  });
  return handle;
}

void AccessLogs::Impl::Schedule(const std::shared_ptr<Run>& run) {
  if (run->scheduled || run->phase == Run::Phase::kEnded) return;
  run->scheduled = true;
  loop_->Post([this, run] {
    run->scheduled = false;
    Turn(run);
  });
}

void AccessLogs::Impl::Turn(const std::shared_ptr<Run>& run) {
  if (run->awaiting_continue) return;
  run->waiting = false;
  switch (run->phase) {
    case Run::Phase::kOpening:
      return TurnOpening(run);
    case Run::Phase::kSeeking:
      return TurnSeeking(run);
    case Run::Phase::kReading:
      return TurnReading(run);
    case Run::Phase::kEnded:
      return;
  }
}

void AccessLogs::Impl::TurnOpening(const std::shared_ptr<Run>& run) {
  const Options& options = run->options;
  if (!IsDomainId(options.process_id)) {
    return End(run, absl::InvalidArgumentError(absl::StrCat("'", options.process_id.substr(0, 64),
                                                            "' is no id of a domain")));
  }
  run->scan = std::make_unique<AccessLogScan>(AccessLogFiles(directory_, options.process_id),
                                              options.follow);
  const absl::Status status = options.cursor.empty()
                                  ? run->scan->SeekLast(options.lines, block_)
                                  : run->scan->SeekCursor(options.cursor, block_);
  if (!status.ok()) return End(run, status);
  run->phase = Run::Phase::kSeeking;
  Schedule(run);
}

void AccessLogs::Impl::TurnSeeking(const std::shared_ptr<Run>& run) {
  const absl::StatusOr<bool> found = run->scan->SeekOn(block_);
  if (!found.ok()) return End(run, found.status());
  if (*found) run->phase = Run::Phase::kReading;
  Schedule(run);
}

void AccessLogs::Impl::TurnReading(const std::shared_ptr<Run>& run) {
  core::LogLines batch;
  const auto progress = run->scan->Read(batch, block_);
  if (!progress.ok()) return End(run, progress.status());
  if (!batch.lines.empty()) return Give(run, std::move(batch));
  switch (*progress) {
    case AccessLogScan::Progress::kMore:
      return Schedule(run);
    case AccessLogScan::Progress::kEnd:
      return End(run, absl::OkStatus());
    case AccessLogScan::Progress::kCaughtUp:
      return CaughtUp(run);
  }
}

void AccessLogs::Impl::CaughtUp(const std::shared_ptr<Run>& run) {
  if (run->scan->MayLeave(run->finishing ? 0 : timing_.settle_ms)) {
    run->scan->Leave();
    return Schedule(run);
  }
  if (run->finishing) return End(run, absl::OkStatus());
  if (run->placed) return Wait(*run);
  core::LogLines place;
  place.cursor = run->scan->Cursor();
  Give(run, std::move(place));
}

void AccessLogs::Impl::Wait(Run& run) {
  run.waiting = true;
  if (std::exchange(polling_, true)) return;
  loop_->After(timing_.poll_ms, [this] { Poll(); });
}

void AccessLogs::Impl::Poll() {
  polling_ = false;
  for (const auto& [key, run] : runs_)
    if (run->waiting) Schedule(run);
}

void AccessLogs::Impl::Give(const std::shared_ptr<Run>& run, core::LogLines batch) {
  run->placed = true;
  run->awaiting_continue = true;
  run->on_lines(std::move(batch));
}

void AccessLogs::Impl::End(const std::shared_ptr<Run>& run, const absl::Status& status) {
  if (run->phase == Run::Phase::kEnded) return;
  run->phase = Run::Phase::kEnded;
  run->scan.reset();
  const std::shared_ptr<Run> keep = run;  // NOLINT(performance-unnecessary-copy-initialization)
  runs_.erase(run.get());
  // Let go of the client's objects on this thread, now.
  keep->on_lines = nullptr;
  const auto on_end = std::exchange(keep->on_end, nullptr);
  on_end(status);
}

void AccessLogs::Impl::EndAll() {
  while (!runs_.empty()) {
    const std::shared_ptr<Run> run = runs_.begin()->second;
    End(run, absl::UnavailableError("the daemon is shutting down; try again"));
  }
}

AccessLogs::AccessLogs(std::string directory, Timing timing)
    : impl_(std::make_unique<Impl>(std::move(directory), timing)) {}
AccessLogs::~AccessLogs() = default;

std::shared_ptr<core::LogSource::Tail> AccessLogs::Start(
    Options options, std::function<void(core::LogLines)> on_lines,
    std::function<void(absl::Status)> on_end) {
  return impl_->Start(std::move(options), std::move(on_lines), std::move(on_end));
}

}  // namespace grpc_os::edge
