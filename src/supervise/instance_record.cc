// Instance: what it keeps on disk and tells about itself.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/failpoint.h"
#include "core/tagged.h"
#include "protocol/packet.h"
#include "supervise/instance.h"

namespace grpc_os::supervise {

using core::InstanceState;

namespace {

constexpr int64_t kMessageEveryMs = 1000;
constexpr int64_t kJournalRetryMs = 1000;
constexpr int64_t kTellDuringExecutionMs = 20;
constexpr int64_t kSpecBytesMax = 8 << 20;

absl::StatusOr<internal::LaunchSpec> ReadSpecFile(const std::string& path) {
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  struct stat info {};
  if (!file || fstat(file.get(), &info) != 0) {
    return absl::NotFoundError(absl::StrCat("cannot open ", path, ": ", strerror(errno)));
  }
  if (info.st_size > kSpecBytesMax) {
    return absl::InternalError(absl::StrCat(path, " is too large for a spec"));
  }
  std::string bytes(static_cast<size_t>(info.st_size), '\0');
  internal::LaunchSpec spec;
  if (read(file.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()) ||
      !spec.ParseFromString(bytes)) {
    return absl::InternalError(absl::StrCat(path, " is not a spec"));
  }
  return spec;
}

// DATA_LOSS: it has something that this program does not know, which is never left out.
absl::StatusOr<core::ProcessSpec> ProcessSpecOf(const internal::LaunchSpec& launch) {
  if (!launch.spec().empty()) return core::DecodeTagged<core::ProcessSpec>(launch.spec());
  // Of a daemon of before.
  core::ProcessSpec spec;
  if (launch.restart() == internal::LaunchSpec::ON_FAILURE) {
    spec.restart = core::RestartPolicy::kOnFailure;
  } else if (launch.restart() == internal::LaunchSpec::NEVER) {
    spec.restart = core::RestartPolicy::kNever;
  }
  if (launch.stop_signal() > 0) spec.stop_signal = launch.stop_signal();
  spec.stop_timeout_ms = launch.stop_timeout_ms();
  spec.log_max_bytes = launch.log_max_bytes();
  return spec;
}

}  // namespace

// ---- The spec -----------------------------------------------------------------------------------

absl::Status Instance::LoadSpec(int memfd) {
  absl::StatusOr<internal::LaunchSpec> kept = ReadSpecFile(options_.directory + "/spec");
  internal::LaunchSpec given;
  const bool has_given = memfd >= 0 && protocol::FromMemfd(memfd, given).ok();
  const bool is_new = has_given && (!kept.ok() || given.generation() > kept->generation());
  if (!is_new && !kept.ok()) return kept.status();
  return TakeSpec(is_new ? std::move(given) : *std::move(kept), is_new);
}

absl::Status Instance::TakeSpec(internal::LaunchSpec spec, bool is_new) {
  absl::StatusOr<core::ProcessSpec> process_spec = ProcessSpecOf(spec);
  if (!process_spec.ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat("this supervisor is older than the spec: ", process_spec.status().message(),
                     "; stop and start the process to have a newer one"));
  }
  if (has_spec_ && process_spec->deployed != process_spec_.deployed) {
    return absl::FailedPreconditionError(
        "this supervisor runs another deploy: a deploy begins a new instance");
  }
  if (has_spec_ && process_spec->low_ports != process_spec_.low_ports) {
    return absl::FailedPreconditionError(
        "this supervisor has not the capabilities of that spec: they begin with a new instance");
  }
  if (is_new) {
    if (absl::Status stored = StoreSpec(spec); !stored.ok()) return stored;
  }
  spec_ = std::move(spec);
  process_spec_ = *std::move(process_spec);
  has_spec_ = true;
  return absl::OkStatus();
}

absl::Status Instance::StoreSpec(const internal::LaunchSpec& spec) const {
  const std::string path = options_.directory + "/spec";
  const std::string temporary = path + ".new";
  const std::string bytes = spec.SerializeAsString();
  const UniqueFd file(
      open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
  bool works = static_cast<bool>(file);
  for (size_t done = 0; works && done < bytes.size();) {
    const ssize_t wrote = write(file.get(), bytes.data() + done, bytes.size() - done);
    if (wrote > 0) done += static_cast<size_t>(wrote);
    works = wrote > 0 || (wrote < 0 && errno == EINTR);
  }
  if (works && rename(temporary.c_str(), path.c_str()) == 0) return absl::OkStatus();
  return absl::InternalError(
      absl::StrCat("cannot store the spec in ", path, ": ", strerror(errno)));
}

void Instance::RestoreFiles() {
  const std::string path = options_.directory + "/spec";
  if (has_spec_ && access(path.c_str(), F_OK) != 0 && errno == ENOENT) {
    if (const absl::Status stored = StoreSpec(spec_); !stored.ok())
      dprintf(STDERR_FILENO, "grpc-os-supervise: %s\n", stored.ToString().c_str());
  }
  journal_.Restore();
}

absl::Status Instance::SetSpec(int memfd) {
  if (memfd < 0) return absl::InvalidArgumentError("no memfd came with the spec");
  internal::LaunchSpec spec;
  absl::Status parsed = protocol::FromMemfd(memfd, spec);
  if (!parsed.ok()) return parsed;
  if (spec.argv().empty()) return absl::InvalidArgumentError("the spec has no command");
  if (has_spec_ && spec.generation() <= spec_.generation()) return absl::OkStatus();
  if (absl::Status taken = TakeSpec(std::move(spec), true); !taken.ok()) return taken;
  Report("spec");
  FlushJournal();
  return absl::OkStatus();
}

// ---- Going on where another supervisor was lost -------------------------------------------------

void Instance::Resume(const Journal::Last& last) {
  const internal::InstanceStatus& status = last.report.status();
  restart_number_ = status.restart_number();
  ever_started_ = status.ever_started();
  running_generation_ = status.running_generation();
  message_ = status.message();
  log_.RestoreDropped(status.log_dropped_bytes());
  if (status.has_last_exit()) last_exit_ = status.last_exit();
  execution_.attempt = status.attempt();
  const bool zeroed = last.resume.next() == internal::Resume::RESTART ||
                      last.resume.next() == internal::Resume::SHUT_DOWN ||
                      last.report.action() == "restarting";
  attempts_ = zeroed ? 0 : status.attempt();
  execution_.start.wall_ms = status.start_time_ms();
  execution_.was_ready = last.resume.was_ready();
  history_.delayed_restarts = last.resume.delayed_restarts();
  for (const int64_t time_ms : last.resume.failure_times_ms()) {
    if (history_.failures < history_.failure_times_ms.size()) {
      history_.failure_times_ms[history_.failures++] = time_ms;
    }
  }
  if (last.resume.has_last_restart_time_ms()) {
    history_.last_restart_ms = last.resume.last_restart_time_ms();
  }
  switch (status.state()) {
    case internal::INSTANCE_STOPPED:
      // One that was shut down is wanted still, but to run again is for the daemon to decide, which
      // gives it a new instance as soon as it hears of this end: it must not run here as well.
      state_ =
          last.report.action() == "exited" ? InstanceState::kShutDown : InstanceState::kStopped;
      return;
    case internal::INSTANCE_EXITED:
      state_ = InstanceState::kExited;
      return;
    case internal::INSTANCE_FAILED:
      state_ = InstanceState::kFailed;
      return;
    case internal::INSTANCE_BACKOFF:
    case internal::INSTANCE_CRASH_LOOPING:
      if (descendants_.AnyLeft()) return;  // an execution that nobody heard of: clear, and again
      state_ = status.state() == internal::INSTANCE_BACKOFF ? InstanceState::kBackoff
                                                            : InstanceState::kCrashLooping;
      ArmDelay(std::clamp<int64_t>(status.next_restart_time_ms() - WallClockMs(), 0,
                                   core::kRestartDelayMaxMs * 5 / 4));
      return;
    default:
      ResumeLost(last);
  }
}

void Instance::ResumeLost(const Journal::Last& last) {
  const internal::InstanceStatus& status = last.report.status();
  const internal::Resume::Next next = last.resume.next();
#ifdef GRPC_OS_MUTATION_signal_recorded_pid
  // Never shipped: proves that the tests would notice.
  if (status.pid() > 0) kill(status.pid(), SIGKILL);
#endif
  if (status.pid() > 0) {
    output_.WriteSystemLine(
        "supervisor lost: the process was ended with it, how it ended is not known");
    internal::ExitInfo exit;
    exit.set_reason(internal::ExitInfo::SUPERVISOR_LOST);
    exit.set_requested(next != internal::Resume::BY_POLICY);
    exit.set_attempt(status.attempt());
    exit.set_start_time_ms(status.start_time_ms());
    exit.set_exit_time_ms(WallClockMs());
    pending_exit_ = std::move(exit);
    pending_exit_logged_ = true;
  }
  if (next == internal::Resume::STOP) {
    state_ = InstanceState::kStopping;
  } else if (next == internal::Resume::RESTART || next == internal::Resume::SHUT_DOWN) {
    state_ = InstanceState::kRestarting;
  } else if (status.state() != internal::INSTANCE_STARTING || status.pid() > 0) {
    state_ = InstanceState::kExiting;
  }
}

// Whether it was executed before the supervisor was lost is not known where nothing was reported;
// then it counts as executed.
void Instance::LoseTask() {
  if (state_ != InstanceState::kLaunching) return;
  state_ = InstanceState::kStopping;
  if (pending_exit_) return;
  internal::ExitInfo exit;
  exit.set_reason(internal::ExitInfo::SUPERVISOR_LOST);
  exit.set_exit_time_ms(WallClockMs());
  pending_exit_ = std::move(exit);
  pending_exit_logged_ = true;
}

// ---- Status and reports -------------------------------------------------------------------------

internal::InstanceState Instance::StateForReports() const {
  switch (state_) {
    case InstanceState::kLaunching:
    case InstanceState::kStarting:
      return internal::INSTANCE_STARTING;
    case InstanceState::kRunning:
    case InstanceState::kReady:
      return internal::INSTANCE_RUNNING;
    case InstanceState::kExiting:
    case InstanceState::kEnding:
    case InstanceState::kStopping:
    case InstanceState::kRestarting:
    case InstanceState::kShuttingDown:
      return internal::INSTANCE_STOPPING;
    case InstanceState::kBackoff:
      return internal::INSTANCE_BACKOFF;
    case InstanceState::kCrashLooping:
      return internal::INSTANCE_CRASH_LOOPING;
    case InstanceState::kExitUnkillable:
    case InstanceState::kStopUnkillable:
    case InstanceState::kRestartUnkillable:
    case InstanceState::kShutDownUnkillable:
      return internal::INSTANCE_UNKILLABLE;
    case InstanceState::kStopped:
    case InstanceState::kShutDown:
      return internal::INSTANCE_STOPPED;
    case InstanceState::kExited:
      return internal::INSTANCE_EXITED;
    case InstanceState::kFailed:
      return internal::INSTANCE_FAILED;
  }
  return internal::INSTANCE_STATE_UNSPECIFIED;
}

internal::InstanceStatus Instance::Status() const {
  internal::InstanceStatus status;
  status.set_instance_id(options_.instance_id);
  status.set_process_id(options_.process_id);
  status.set_state(StateForReports());
  status.set_ready(state_ == InstanceState::kReady);
  status.set_pid(execution_.pid);
  status.set_start_time_ms(execution_.start.wall_ms);
  status.set_restart_count(std::max(execution_.attempt - 1, 0));
  status.set_attempt(execution_.attempt);
  if (last_exit_) *status.mutable_last_exit() = *last_exit_;
  status.set_next_restart_time_ms(next_restart_.wall_ms);
  status.set_observed_generation(spec_.generation());
  status.set_running_generation(running_generation_);
  status.set_restart_number(restart_number_);
  status.set_log_dropped_bytes(log_.dropped_bytes());
  status.set_message(message_);
  status.set_seq(journal_.last_seq());
  status.set_cgroup_path(descendants_.leaf().path());
  status.set_ever_started(ever_started_);
  return status;
}

internal::Resume Instance::MakeResume() const {
  internal::Resume resume;
  switch (state_) {
    case InstanceState::kStopping:
    case InstanceState::kStopUnkillable:
      resume.set_next(internal::Resume::STOP);
      break;
    case InstanceState::kRestarting:
    case InstanceState::kRestartUnkillable:
      resume.set_next(internal::Resume::RESTART);
      break;
    case InstanceState::kShuttingDown:
    case InstanceState::kShutDownUnkillable:
      resume.set_next(internal::Resume::SHUT_DOWN);
      break;
    default:
      break;
  }
  resume.set_was_ready(execution_.was_ready);
  resume.set_delayed_restarts(history_.delayed_restarts);
  for (size_t i = 0; i < history_.failures; ++i) {
    resume.add_failure_times_ms(history_.failure_times_ms[i]);
  }
  if (history_.last_restart_ms) resume.set_last_restart_time_ms(*history_.last_restart_ms);
  return resume;
}

void Instance::Report(const char* action) {
  internal::Report report;
  report.set_seq(journal_.last_seq() + 1);
  report.set_time_ms(WallClockMs());
  report.set_action(action);
  *report.mutable_status() = Status();
  report.mutable_status()->set_seq(report.seq());
  // Only the last report of an instance has a final state: who has seen that one has seen all.
  const bool exited = std::string_view(action) == "exited";
  if (exited && core::IsFinal(state_) && state_ != InstanceState::kShutDown) {
    report.mutable_status()->set_state(internal::INSTANCE_STOPPING);
  }
  journal_.Add(report, MakeResume());
}

void Instance::ReportExit() {
  LogExit();
  if (!pending_exit_) return;
  last_exit_ = std::exchange(pending_exit_, std::nullopt);
  Report("exited");
}

// At most one per second, however much it has to say.
void Instance::ReportMessageSoon() {
  if (message_timer_ != 0) return;
  const int64_t wait_ms = reported_message_at_ms_ + kMessageEveryMs - EventLoop::NowMs();
  message_timer_ = loop_.After(wait_ms, [this] {
    message_timer_ = 0;
    reported_message_at_ms_ = EventLoop::NowMs();
    if (core::IsFinal(state_)) return;
    Report("message");
    FlushJournal();
  });
}

// Times are told so that their distance from now is right.
void Instance::FollowClock() {
  for (Moment* moment : {&execution_.start, &next_restart_}) {
    moment->Follow(WallClockMs(), EventLoop::NowMs());
  }
  ReportMessageSoon();
}

// A full disk does not keep a process from being restarted: what happened is told once it could be
// written, and the present status meanwhile.
bool Instance::FlushJournal() {
  if (!journal_.has_queued()) return true;
  const bool written = journal_.Flush();
  if (written) {
    Failpoint("supervise.journal.written");
  } else if (journal_timer_ == 0) {
    journal_timer_ = loop_.After(kJournalRetryMs, [this] {
      journal_timer_ = 0;
      FlushJournal();
    });
  }
  if (written || journal_.last_seq() != told_seq_) loop_.Post([this] { TellReports(); });
  told_seq_ = journal_.last_seq();
  return written;
}

void Instance::MarkEnded() const {
  if (journal_.Sync()) LeaveMark(options_.directory + "/ended");
}

// An empty file that was made beforehand and gets its name now, which needs no space.
bool Instance::LeaveMark(const std::string& path) const {
  if (rename(MarkPath().c_str(), path.c_str()) == 0) return true;
  return static_cast<bool>(
      UniqueFd(open(path.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600)));
}

// While a command is being executed it goes first: telling wakes the daemon, whose work would take
// the processor from it. What comes of the execution is then told together with what was before it.
void Instance::TellReports() {
  if (!execution_.outcome_pipe) return events_.on_report();
  if (tell_timer_ != 0) return;
  tell_timer_ = loop_.After(kTellDuringExecutionMs, [this] {
    tell_timer_ = 0;
    events_.on_report();
  });
}

}  // namespace grpc_os::supervise
