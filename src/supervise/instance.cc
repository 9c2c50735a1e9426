// Instance: events and what follows from them.
#include "supervise/instance.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace grpc_os::supervise {

using core::InstanceEvent;
using core::InstanceState;

namespace {

core::Ending EndingOf(const internal::ExitInfo& exit) {
  return {.exited = exit.reason() == internal::ExitInfo::EXITED,
          .exit_code = exit.exit_code(),
          .signal = exit.reason() == internal::ExitInfo::SIGNALED ? exit.signal() : 0};
}

// 0 ≤ … < 1
double Random() {
  uint32_t bits = 0;
  if (getrandom(&bits, sizeof bits, GRND_NONBLOCK) != sizeof bits) return 0.5;
  return static_cast<double>(bits) / 4294967296.0;
}

std::string Seconds(int64_t ms) {
  char text[32];
  snprintf(text, sizeof text, "%lld.%lld s", static_cast<long long>(ms / 1000),
           static_cast<long long>(ms % 1000 / 100));
  return text;
}

int SendSignal(int pidfd, int signal) {
  return static_cast<int>(syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0));
}

}  // namespace

Instance::Instance(EventLoop& loop, Options options, Events events)
    : loop_(loop),
      options_(std::move(options)),
      events_(std::move(events)),
      journal_(options_.directory),
      descendants_(cgroup::Leaf(), false),
      log_(options_.log_directory, 0),
      output_(
          loop, log_, [this] { CheckCleared(); }, [this] { ReportMessageSoon(); }),
      clock_steps_(loop, [this] { FollowClock(); }),
      prober_(loop, ProberEvents()) {
  if (options_.task) output_.RelayTo(events_.on_output);
}

Instance::~Instance() {
  if (notify_) loop_.Unwatch(notify_->fd());
  if (execution_.outcome_pipe) loop_.Unwatch(execution_.outcome_pipe.get());
  UnwatchLeaf();
}

void Instance::WatchLeaf() {
  if (!descendants_.leaf().real()) return;
  loop_.Watch(descendants_.leaf().events_fd(), EPOLLPRI, [this](uint32_t) {
    descendants_.AnyLeft();  // reading it is what takes the event
    CheckCleared();
  });
}

void Instance::UnwatchLeaf() {
  if (descendants_.leaf().real()) loop_.Unwatch(descendants_.leaf().events_fd());
}

absl::Status Instance::Start(int spec_memfd) {
  begun_ = true;
  absl::StatusOr<std::optional<Journal::Last>> last = journal_.Open();
  if (!last.ok()) return last.status();
  const absl::Status loaded = LoadSpec(spec_memfd);
  log_.SetMaxBytes(process_spec_.log_max_bytes);

  const bool used = access(options_.LeafPath().c_str(), F_OK) == 0;
  absl::StatusOr<cgroup::Leaf> leaf = cgroup::Leaf::Open(options_.LeafPath());
  if (leaf.ok()) {
    descendants_ = Descendants(*std::move(leaf), used);
  } else {
    output_.WriteSystemLine(absl::StrCat(
        "no cgroup, only direct children can be found and killed: ", leaf.status().message()));
  }
  WatchLeaf();
  absl::StatusOr<NotifySocket> notify = NotifySocket::Bind(options_.instance_id);
  if (notify.ok()) {
    notify_ = *std::move(notify);
    loop_.Watch(notify_->fd(), EPOLLIN, [this](uint32_t) { ReceiveNotifications(); });
  } else {
    output_.WriteSystemLine(
        absl::StrCat("no NOTIFY_SOCKET for the process: ", notify.status().message()));
  }

  if (!last->has_value() && !journal_.can_keep_room()) {
    output_.WriteSystemLine(
        "this file system keeps no room for a full disk (fallocate): when it is full, a stop is "
        "not recorded before there is space");
  }
  UniqueFd(open(MarkPath().c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (last->has_value()) Resume(**last);
  if (options_.task && spec_memfd < 0) LoseTask();
  if (core::IsFinal(state_) || state_ == InstanceState::kBackoff ||
      state_ == InstanceState::kCrashLooping) {
    return absl::OkStatus();
  }
  if (!loaded.ok() && state_ == InstanceState::kLaunching) {
    state_ = InstanceState::kStarting;
    OnExecFailure({"spec", ENOENT}, std::string(loaded.message()));
    return absl::OkStatus();
  }
  Clear();
  return absl::OkStatus();
}

// ---- The table ----------------------------------------------------------------------------------

void Instance::Raise(InstanceEvent event) {
  raised_.push_back(event);
  if (handling_) return;
  handling_ = true;
  while (!raised_.empty()) {
    const InstanceEvent next = raised_.front();
    raised_.pop_front();
    Handle(next);
  }
  handling_ = false;
  FlushJournal();
  if (leaving_ && core::IsFinal(state_)) End();
  if (abandoned_ && core::IsFinal(state_)) EndAbandoned();
}

void Instance::Handle(InstanceEvent event) {
  namespace action = core::instance_action;
  const core::Transition transition = core::Next(state_, event);
  if (transition.ignored) return;
  state_ = transition.next;
  if (event == InstanceEvent::kBecameReady) OnReady();
  if (event == InstanceEvent::kBecameUnready) {
    loop_.Cancel(std::exchange(healthy_timer_, 0));
    prober_.OnUnready();
  }
  if (state_ != InstanceState::kRunning && state_ != InstanceState::kReady) prober_.End();
  const auto has = [&](uint16_t bit) { return (transition.actions & bit) != 0; };
  if (has(action::kZeroCounters)) {
    attempts_ = 0;
    history_ = {};
  }
  if (has(action::kCancelDelay)) {
    loop_.Cancel(std::exchange(delay_timer_, 0));
    next_restart_ = {};
  }
  if (has(action::kArmDelay)) ArmDelay(delay_ms_);
  if (has(action::kReportExit)) ReportExit();
  if (transition.report != nullptr) Report(transition.report);
  if (has(action::kSendStop)) SendStop();
  if (has(action::kClear)) Clear();
  if (has(action::kDecide)) Decide();
  if (has(action::kExecute)) Execute();
  // What was asked of the supervisor holds in whatever state it gets into.
  if (leaving_ && !core::Next(state_, InstanceEvent::kShutDown).ignored) {
    raised_.push_back(InstanceEvent::kShutDown);
  }
}

void Instance::OnReady() {
  if (!std::exchange(execution_.was_ready, true)) execution_.ready_ms = EventLoop::NowMs();
  prober_.OnReady();
  loop_.Cancel(healthy_timer_);
  healthy_timer_ = loop_.After(core::kHealthyMs, [this] {
    healthy_timer_ = 0;
    history_ = {};
  });
}

void Instance::ArmDelay(int64_t delay_ms) {
  next_restart_ = Moment::At(delay_ms, WallClockMs(), EventLoop::NowMs());
  output_.WriteSystemLine(absl::StrCat("restarting in ", Seconds(delay_ms)));
  delay_timer_ = loop_.After(delay_ms, [this] {
    delay_timer_ = 0;
    next_restart_ = {};
    Raise(InstanceEvent::kDelayOver);
  });
}

void Instance::SendStop() {
  const int signal = execution_.stop_signal;
  const char* name = sigabbrev_np(signal);
  const core::StopScope scope = execution_.stop_scope;
  output_.WriteSystemLine(absl::StrCat("stopping (", name != nullptr ? name : absl::StrCat(signal),
                                       scope == core::StopScope::kMain    ? ""
                                       : scope == core::StopScope::kGroup ? " to its group"
                                                                          : " to all of it",
                                       ")"));
  if (execution_.pid > 0) {
    switch (scope) {
      case core::StopScope::kMain:
        SendSignal(execution_.pidfd.get(), signal);
        SendSignal(execution_.pidfd.get(), SIGCONT);  // a stopped process could not heed it
        break;
      case core::StopScope::kGroup:  // led by the main process, which was not waited for
        kill(-execution_.pid, signal);
        kill(-execution_.pid, SIGCONT);
        break;
      case core::StopScope::kAll:
        descendants_.SignalAll(signal);
    }
  }
  stop_timer_ = loop_.After(execution_.stop_timeout_ms, [this] { OnStopTimeout(); });
}

void Instance::OnStopTimeout() {
  if (stop_timer_ == 0) return;  // there is nothing to stop
  loop_.Cancel(std::exchange(stop_timer_, 0));
  output_.WriteSystemLine("did not stop in time: killing it");
  if (clearing_) return Clear();  // the main process did, and others of its stop_scope did not
  Raise(InstanceEvent::kStopTimeout);
}

// After the main process, those that got the stop signal too have what is left of the time.
bool Instance::RestHasTime() {
  if (stop_timer_ == 0 || execution_.pid > 0) return false;
  const bool left = execution_.stop_scope == core::StopScope::kAll
                        ? descendants_.AnyLeft()
                        : descendants_.AnyLeftIn(execution_.group);
  if (!left) loop_.Cancel(std::exchange(stop_timer_, 0));
  return left;
}

void Instance::Decide() {
  const core::Ending ending = pending_exit_ ? EndingOf(*pending_exit_)
                              : last_exit_  ? EndingOf(*last_exit_)
                                            : core::Ending{};
  const core::RestartDecision decision = core::DecideRestart(
      process_spec_.restart, ending, execution_.was_ready, EventLoop::NowMs(), Random(), history_);
  delay_ms_ = decision.delay_ms;
  Raise(decision.event);
}

void Instance::End() {
  if (ended_) return;
  ended_ = true;
  if (leaving_ && !journal_.has_queued()) MarkEnded();
  output_.Close();
  UnwatchLeaf();
  descendants_.GiveUpLeaf();
  events_.on_end();
}

// ---- Asked for ----------------------------------------------------------------------------------

void Instance::Abandon() {
  if (std::exchange(abandoned_, true)) return;
  if (begun_) return Raise(InstanceEvent::kStop);
  EndAbandoned();
}

void Instance::EndAbandoned() {
  LeaveMark(ReleasedPath());  // without it init finds out by the end
  End();
}

void Instance::ShutDown() {
  if (options_.task) return Abandon();
  if (leaving_) return;
  leaving_ = true;
  loop_.After(kShutDownMaxMs, [this] { OnStopTimeout(); });
  Raise(InstanceEvent::kShutDown);
}

int64_t Instance::StopTimeMs() const {
  if (core::IsFinal(state_)) return 0;
  // One that waits out a back-off may run again before it is stopped, with the newest spec.
  return std::min(std::max(execution_.stop_timeout_ms, process_spec_.stop_timeout_ms),
                  kShutDownMaxMs);
}

void Instance::Stop(const std::string& cause) {
  (void)cause;  // for people who read what is said on the socket
  Raise(InstanceEvent::kStop);
}

absl::Status Instance::Restart(int64_t number, bool only_if_waiting) {
  if (number <= restart_number_) return absl::OkStatus();
  if (core::IsFinal(state_)) {
    return absl::FailedPreconditionError(
        absl::StrCat("this instance is ", core::ToString(state_),
                     " and does not run again: launch a new instance"));
  }
  restart_number_ = number;
  const int64_t before = journal_.last_seq();
  Raise(only_if_waiting ? InstanceEvent::kStart : InstanceEvent::kRestart);
  if (journal_.last_seq() == before) {  // nothing was to be done; the number must last all the same
    Report("message");
    FlushJournal();
  }
  return absl::OkStatus();
}

absl::StatusOr<pid_t> Instance::Signal(int signal) {
  if (signal < 1 || signal >= NSIG) {
    return absl::InvalidArgumentError(
        absl::StrCat(signal, " is not a signal: expected 1 to ", NSIG - 1));
  }
  const bool runs = execution_.pid > 0 && !execution_.outcome_pipe;
  if (!runs || SendSignal(execution_.pidfd.get(), signal) != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("nothing was signalled: the process is ", core::ToString(state_)));
  }
  return execution_.pid;
}

absl::Status Instance::Release() {
  if (!core::IsFinal(state_)) {
    return absl::FailedPreconditionError(
        absl::StrCat("the instance is ", core::ToString(state_), ": stop it before its release"));
  }
  const std::string path = ReleasedPath();
  if (!LeaveMark(path)) {
    return absl::InternalError(absl::StrCat("cannot make ", path, ": ", strerror(errno)));
  }
  End();
  return absl::OkStatus();
}

}  // namespace grpc_os::supervise
