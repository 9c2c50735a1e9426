// Instance: from an execution to the end of all that came of it.
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/failpoint.h"
#include "supervise/exec_failure.h"
#include "supervise/instance.h"
#include "supervise/printable.h"

namespace grpc_os::supervise {

using core::InstanceEvent;
using core::InstanceState;

namespace {

constexpr int64_t kEarlyMs = 250;   // so much too early is ready too early
constexpr int64_t kDrainMs = 2000;  // for output that someone else still holds open
// How long to wait for emptiness after each kill; then it is unkillable, and tried every two
// minutes.
constexpr int64_t kClearWaitsMs[] = {15'000, 5'000, 10'000, 20'000, 40'000};
constexpr int64_t kUnkillableWaitMs = 120'000;
constexpr int64_t kRestPollMs = 50;

bool Defines(const internal::LaunchSpec& spec, std::string_view name) {
  return std::any_of(spec.environment().begin(), spec.environment().end(),
                     [name](const std::string& variable) {
                       return variable.size() > name.size() && variable.starts_with(name) &&
                              variable[name.size()] == '=';
                     });
}

}  // namespace

// ---- Execution ----------------------------------------------------------------------------------

Command Instance::MakeCommand() const {
  Command command;
  command.argv.assign(spec_.argv().begin(), spec_.argv().end());
  command.environment.reserve(static_cast<size_t>(spec_.environment_size()) + 6);
  command.environment.assign(spec_.environment().begin(), spec_.environment().end());
  if (!Defines(spec_, "PATH")) {
    const char* const ours = getenv("PATH");
    command.environment.push_back(absl::StrCat("PATH=", SystemPath(ours == nullptr ? "" : ours)));
  }
  if (notify_) command.environment.push_back(absl::StrCat("NOTIFY_SOCKET=", notify_->address()));
  if (options_.account) {
    // Which account it is was not known to whoever wrote the spec.
    const Account& account = *options_.account;
    const std::pair<const char*, const std::string&> facts[] = {{"USER", account.name},
                                                                {"LOGNAME", account.name},
                                                                {"HOME", account.home},
                                                                {"SHELL", account.shell}};
    for (const auto& [name, value] : facts) {
      if (!value.empty() && !Defines(spec_, name)) {
        command.environment.push_back(absl::StrCat(name, "=", value));
      }
    }
  }
  command.working_directory = spec_.working_directory();
  command.make_working_directory = spec_.make_working_directory();
  command.state_directory = spec_.state_directory();
  command.account = options_.account;
  return command;
}

void Instance::Execute() {
  FlushJournal();
  log_.SetMaxBytes(process_spec_.log_max_bytes);
  execution_ = Execution();
  execution_.attempt = ++attempts_;
  execution_.stop_signal = process_spec_.stop_signal;
  execution_.stop_timeout_ms = process_spec_.stop_timeout_ms;
  execution_.stop_scope = process_spec_.stop_scope;
  running_generation_ = spec_.generation();
  message_.clear();
  message_is_finding_ = false;
  PrepareLeaf();
  if (notify_) notify_->Discard();
  SpawnResult result = Spawn(MakeCommand(), descendants_.leaf());
  Failpoint("supervise.spawn.forked");
  if (result.failure) return OnExecFailure(*result.failure);
  execution_.pid = result.child.pid;
  execution_.group = result.child.pid;
  execution_.pidfd = std::move(result.child.pidfd);
  execution_.outcome_pipe = std::move(result.child.outcome_pipe);
  output_.Attach(std::move(result.child.stdout_pipe), std::move(result.child.stderr_pipe));
  loop_.Watch(execution_.outcome_pipe.get(), EPOLLIN, [this](uint32_t) { CheckOutcome(); });
}

void Instance::PrepareLeaf() {
  if (!descendants_.leaf_is_spoilt()) return;
  UnwatchLeaf();
  const absl::Status renewed = descendants_.RenewLeaf();
  if (!renewed.ok()) {
    output_.WriteSystemLine(absl::StrCat("cannot make its cgroup anew: ", renewed.message()));
    if (descendants_.leaf().events_fd() < 0) descendants_.GiveUpLeaf();
  }
  WatchLeaf();
}

void Instance::CheckOutcome() {
  if (!execution_.outcome_pipe) return;
  const Outcome outcome = ReadOutcome(execution_.outcome_pipe.get());
  if (outcome.kind == Outcome::Kind::kPending) return;
  loop_.Unwatch(execution_.outcome_pipe.get());
  execution_.outcome_pipe.Reset();
  if (outcome.kind == Outcome::Kind::kExecuted) return OnExecuted();
  // It ends right after it has said so.
  siginfo_t info{};
  while (waitid(P_PID, static_cast<id_t>(execution_.pid), &info, WEXITED) != 0 && errno == EINTR) {
  }
  execution_.pid = 0;
  execution_.pidfd.Reset();
  if (std::string_view(outcome.failure.stage) == "cgroup" && descendants_.leaf().real() &&
      state_ == InstanceState::kStarting) {
    if (access(descendants_.leaf().path().c_str(), F_OK) != 0) {  // someone removed it
      descendants_.SuspectLeaf();
      --attempts_;
      return Execute();
    }
    UnwatchLeaf();
    descendants_.GiveUpLeaf();
    output_.WriteSystemLine(
        absl::StrCat("no cgroup, only direct children can be found and killed: ",
                     strerror(outcome.failure.error_number)));
    --attempts_;
    return Execute();
  }
  OnExecFailure(outcome.failure);
}

void Instance::OnExecuted() {
  execution_.start = Moment::At(0, WallClockMs(), EventLoop::NowMs());
  ever_started_ = true;
  output_.WriteSystemLine(
      absl::StrCat("started pid ", execution_.pid, " (attempt ", execution_.attempt, ")"));
  output_.Start();
  if (state_ == InstanceState::kStarting) prober_.Begin(process_spec_, execution_.notifies);
  Raise(InstanceEvent::kExecuted);
}

void Instance::OnExecFailure(const SpawnFailure& failure, const std::string& text) {
  output_.Close();
  internal::ExitInfo exit;
  exit.set_reason(internal::ExitInfo::EXEC_FAILED);
  exit.set_stage(failure.stage);
  exit.set_error_number(failure.error_number);
  exit.set_attempt(execution_.attempt);
  exit.set_exit_time_ms(WallClockMs());
  message_ = text.empty() ? DescribeExecFailure(MakeCommand(), failure) : text;
  output_.WriteSystemLine(message_);
  const bool again = core::MayExecuteLater(failure.stage, failure.error_number,
                                           ever_started_ || spec_.ran_before()) &&
                     core::ShouldRestart(process_spec_.restart, core::Ending());
  if (state_ == InstanceState::kStarting && !again) {
    last_exit_ = exit;
    return Raise(InstanceEvent::kExecRefused);
  }
  pending_exit_ = exit;
  pending_exit_logged_ = true;
  // If something else was asked for meanwhile, this is the end that is waited for.
  Raise(state_ == InstanceState::kStarting ? InstanceEvent::kExecFailed
                                           : InstanceEvent::kMainExited);
}

void Instance::ReceiveNotifications() {
  if (!notify_) return;
  notify_->Receive([this](const Sender& sender) { return MayNotify(sender); },
                   [this](const Notification& said) { OnNotification(said); });
}

// A helper that ends right after it has spoken cannot be looked up any more: it counts by its uid,
// which whoever has the same can claim.
bool Instance::MayNotify(const Sender& sender) const {
  if (execution_.pid == 0) return false;
  return descendants_.Contains(sender.pid, execution_.pid) ||
         (sender.uid == PayloadUid() && sender.Gone());
}

void Instance::OnNotification(const Notification& notification) {
  if (execution_.pid == 0) return;
  execution_.notifies = true;
  if (notification.status && *notification.status != message_) {
    message_ = *notification.status;
    message_is_finding_ = false;
    ReportMessageSoon();
  }
  // It may speak before we have seen that it was executed.
  if (notification.ready) CheckOutcome();
  const bool heeded = prober_.OnNotified();
  if (notification.ready && heeded) {
    if (std::exchange(message_is_finding_, false)) message_.clear();
    if (!std::exchange(execution_.said_ready, true)) HintAtNotify();
    OnSaidReadiness(true);
  }
  if (notification.stopping) OnSaidReadiness(false);
}

// What it said last holds, at once unless it changes its mind all the time.
void Instance::OnSaidReadiness(bool ready) {
  loop_.Cancel(std::exchange(readiness_timer_, 0));
  if (ready == (state_ == InstanceState::kReady)) return;
  const int64_t wait_ms = execution_.readiness_pace.Take(EventLoop::NowMs());
  if (wait_ms == 0) {
    return Raise(ready ? InstanceEvent::kBecameReady : InstanceEvent::kBecameUnready);
  }
  readiness_timer_ = loop_.After(wait_ms, [this, ready] {
    readiness_timer_ = 0;
    OnSaidReadiness(ready);
  });
}

// That it would speak could not be known.
void Instance::HintAtNotify() {
  if (!execution_.was_ready || process_spec_.ready.kind != core::ReadyKind::kDefault) return;
  const int64_t early_ms = EventLoop::NowMs() - execution_.ready_ms;
  if (early_ms < kEarlyMs) return;
  const std::string hint =
      absl::StrCat("said READY=1 ", early_ms / 1000, ".", early_ms % 1000 / 100,
                   " s after it counted as ready; to wait for it: `update ", options_.process_name,
                   " --ready notify`");
  output_.WriteSystemLine(hint);
  if (!message_.empty()) return;
  message_ = hint;
  message_is_finding_ = true;
  ReportMessageSoon();
}

// ---- What the prober finds out ------------------------------------------------------------------

Prober::Events Instance::ProberEvents() {
  return {.owner = [this] { return Owner(); },
          .on_ready =
              [this](const std::string& note) {
                if (std::exchange(message_is_finding_, false)) message_.clear();
                if (!note.empty()) {
                  message_ = note;
                  message_is_finding_ = true;
                }
                Raise(InstanceEvent::kBecameReady);
              },
          .on_finding = [this](const std::string& text) { OnFinding(text); },
          .on_overdue = [this](const std::string& text) { OnOverdue(text); },
          .on_line = [this](const std::string& line) { output_.WriteSystemLine(line); },
          .on_not_live = [this](const std::string& text) { OnNotLive(text); }};
}

uid_t Instance::PayloadUid() const { return options_.account ? options_.account->uid : geteuid(); }

SocketOwner Instance::Owner() const {
  const bool real = descendants_.leaf().real();
  SocketOwner owner;
  owner.uid = PayloadUid();
  owner.complete = real;
  if (real) {
    owner.pids = descendants_.leaf().Pids();
  } else if (execution_.pid > 0) {
    owner.pids = {execution_.pid};
  }
  return owner;
}

void Instance::OnFinding(const std::string& text) {
  message_ = Printable(text, kStatusBytesMax);
  message_is_finding_ = true;
  ReportMessageSoon();
}

void Instance::OnOverdue(const std::string& text) {
  message_ = Printable(text, kStatusBytesMax);
  message_is_finding_ = true;
  output_.WriteSystemLine(message_);
  Report("not_ready");
  FlushJournal();
}

void Instance::OnNotLive(const std::string& text) {
  execution_.not_live = Printable(text, kStatusBytesMax);
  message_ = execution_.not_live;
  message_is_finding_ = true;
  output_.WriteSystemLine("not live, ending it");
  Raise(InstanceEvent::kNotLive);
}

// ---- The end of the main process ----------------------------------------------------------------

void Instance::OnChildren() {
  for (;;) {
    siginfo_t info{};
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) break;
    const bool is_main = info.si_pid == execution_.pid;
    if (is_main) {
      CheckOutcome();
      ReceiveNotifications();                       // its last words
      if (execution_.pid != info.si_pid) continue;  // that was all about it
      // Its number is its group's as long as it was not waited for.
      const bool others_have_time =
          stop_timer_ != 0 && execution_.stop_scope != core::StopScope::kMain;
      if (!descendants_.leaf().real() && !others_have_time) descendants_.KillAll(execution_.pid);
    }
    siginfo_t reaped{};
    waitid(P_PID, static_cast<id_t>(info.si_pid), &reaped, WEXITED | WNOHANG);
    if (is_main) OnMainExited(info);
  }
  CheckCleared();
}

void Instance::OnMainExited(const siginfo_t& info) {
  Failpoint("supervise.exit.reaped");
  internal::ExitInfo exit;
  if (info.si_code == CLD_EXITED) {
    exit.set_reason(internal::ExitInfo::EXITED);
    exit.set_exit_code(info.si_status);
  } else {
    exit.set_reason(internal::ExitInfo::SIGNALED);
    exit.set_signal(info.si_status);
    exit.set_core_dumped(info.si_code == CLD_DUMPED);
  }
  // Perhaps by cgroup.kill, from outside.
  if (info.si_status == SIGKILL && !execution_.was_ready) descendants_.SuspectLeaf();
  exit.set_requested(
      state_ == InstanceState::kStopping || state_ == InstanceState::kRestarting ||
      state_ == InstanceState::kShuttingDown || state_ == InstanceState::kStopUnkillable ||
      state_ == InstanceState::kRestartUnkillable || state_ == InstanceState::kShutDownUnkillable);
  if (state_ == InstanceState::kEnding) {
    exit.set_reason(internal::ExitInfo::NOT_LIVE);
    exit.set_message(execution_.not_live);
  }
  exit.set_attempt(execution_.attempt);
  exit.set_start_time_ms(execution_.start.wall_ms);
  exit.set_exit_time_ms(WallClockMs());
  pending_exit_ = std::move(exit);
  pending_exit_logged_ = false;
  if (!execution_.was_ready && state_ == InstanceState::kRunning) {
    if (const std::optional<std::string> stranger = prober_.NameStranger()) {
      message_ = Printable(*stranger, kStatusBytesMax);
      message_is_finding_ = true;
      output_.WriteSystemLine(message_);
    }
  }
  EndExecution();
  Raise(InstanceEvent::kMainExited);
}

void Instance::EndExecution() {
  execution_.pid = 0;
  execution_.pidfd.Reset();
  prober_.End();
  loop_.Cancel(std::exchange(readiness_timer_, 0));
  loop_.Cancel(std::exchange(healthy_timer_, 0));
  if (execution_.stop_scope == core::StopScope::kMain) loop_.Cancel(std::exchange(stop_timer_, 0));
}

void Instance::LogExit() {
  if (!pending_exit_ || pending_exit_logged_) return;
  pending_exit_logged_ = true;
  const internal::ExitInfo& exit = *pending_exit_;
  if (exit.reason() == internal::ExitInfo::NOT_LIVE && exit.signal() == 0) {
    output_.WriteSystemLine(absl::StrCat("ended, exit code ", exit.exit_code()));
    return;
  }
  if (exit.reason() == internal::ExitInfo::EXITED) {
    output_.WriteSystemLine(absl::StrCat("exited with code ", exit.exit_code()));
    return;
  }
  const char* name = sigabbrev_np(exit.signal());
  output_.WriteSystemLine(absl::StrCat(
      "killed by ",
      name != nullptr ? absl::StrCat("SIG", name) : absl::StrCat("signal ", exit.signal()),
      exit.core_dumped() ? " (core dumped)" : ""));
}

// ---- Clearing away ------------------------------------------------------------------------------

void Instance::Clear() {
  clearing_ = true;
  drain_timed_out_ = false;
  clear_tries_ = 0;
  loop_.Cancel(std::exchange(clear_timer_, 0));
  loop_.Cancel(std::exchange(drain_timer_, 0));
  if (RestHasTime()) {
    clear_timer_ = loop_.After(kRestPollMs, [this] { Clear(); });
  } else if (execution_.pid > 0 || descendants_.AnyLeft()) {
    TryAgainToClear();
  }
  CheckCleared();
}

void Instance::TryAgainToClear() {
  clear_timer_ = 0;
  constexpr int kTries = std::size(kClearWaitsMs);
  descendants_.KillAll(execution_.pid);
  const int64_t wait_ms = clear_tries_ < kTries ? kClearWaitsMs[clear_tries_] : kUnkillableWaitMs;
  ++clear_tries_;
  clear_timer_ = loop_.After(wait_ms, [this] {
    if (clear_tries_ == std::size(kClearWaitsMs)) {
      message_ = Printable(absl::StrCat("survives SIGKILL: ", descendants_.NameLeft(),
                                        "; tried again every 2 minutes"),
                           kStatusBytesMax);
      LogExit();
      output_.WriteSystemLine(message_);
      Raise(InstanceEvent::kWontDie);
    }
    if (clearing_) TryAgainToClear();
  });
}

// Called whenever something may have gone.
void Instance::CheckCleared() {
  if (!clearing_ || execution_.pid > 0) return;
  if (descendants_.AnyLeft()) {
    // Orphans have become our children only now.
    if (stop_timer_ == 0 && !descendants_.leaf().Populated()) descendants_.KillAll(0);
    return;
  }
  if (output_.open() && !output_.Drain() && !drain_timed_out_) {
    if (drain_timer_ == 0) {
      drain_timer_ = loop_.After(kDrainMs, [this] {
        drain_timer_ = 0;
        drain_timed_out_ = true;
        CheckCleared();
      });
    }
    return;
  }
  output_.Close();
  LogExit();
  loop_.Cancel(std::exchange(drain_timer_, 0));
  loop_.Cancel(std::exchange(clear_timer_, 0));
  loop_.Cancel(std::exchange(stop_timer_, 0));
  clearing_ = false;
  Raise(InstanceEvent::kCleared);
}

}  // namespace grpc_os::supervise
