#include "core/process/transition.h"

#include <algorithm>
#include <cerrno>
#include <csignal>

namespace grpc_os::core {
namespace {

using S = InstanceState;
using E = InstanceEvent;
using Table = std::array<std::array<Transition, kInstanceEvents>, kInstanceStates>;

constexpr uint16_t kZero = instance_action::kZeroCounters;
constexpr uint16_t kCancel = instance_action::kCancelDelay;
constexpr uint16_t kExit = instance_action::kReportExit;
constexpr uint16_t kArm = instance_action::kArmDelay;
constexpr uint16_t kSend = instance_action::kSendStop;
constexpr uint16_t kClear = instance_action::kClear;
constexpr uint16_t kDecide = instance_action::kDecide;
constexpr uint16_t kExecute = instance_action::kExecute;

struct Row {
  S state;
  E event;
  S next;
  uint16_t actions;
  const char* report;
};

// Every pair that is not here is ignored.
constexpr Row kRows[] = {
    {S::kLaunching, E::kCleared, S::kStarting, kExecute, nullptr},
    {S::kLaunching, E::kWontDie, S::kRestartUnkillable, 0, "unkillable"},
    {S::kLaunching, E::kStop, S::kStopping, 0, "stopping"},
    {S::kLaunching, E::kRestart, S::kLaunching, kZero, "restarting"},
    {S::kLaunching, E::kStart, S::kLaunching, kZero, "restarting"},
    {S::kLaunching, E::kShutDown, S::kShuttingDown, 0, nullptr},

    {S::kStarting, E::kExecuted, S::kRunning, 0, "started"},
    {S::kStarting, E::kExecRefused, S::kFailed, 0, "failed"},
    {S::kStarting, E::kExecFailed, S::kExiting, kClear, nullptr},
    {S::kStarting, E::kStop, S::kStopping, kClear, "stopping"},
    {S::kStarting, E::kRestart, S::kRestarting, kZero | kClear, "restarting"},
    {S::kStarting, E::kShutDown, S::kShuttingDown, kClear, "stopping"},

    {S::kRunning, E::kBecameReady, S::kReady, 0, "ready"},
    {S::kRunning, E::kMainExited, S::kExiting, kClear, nullptr},
    {S::kRunning, E::kStop, S::kStopping, kSend, "stopping"},
    {S::kRunning, E::kRestart, S::kRestarting, kZero | kSend, "restarting"},
    {S::kRunning, E::kShutDown, S::kShuttingDown, kSend, "stopping"},

    {S::kReady, E::kBecameUnready, S::kRunning, 0, "message"},
    {S::kReady, E::kNotLive, S::kEnding, kSend, "not_live"},
    {S::kReady, E::kMainExited, S::kExiting, kClear, nullptr},
    {S::kReady, E::kStop, S::kStopping, kSend, "stopping"},
    {S::kReady, E::kRestart, S::kRestarting, kZero | kSend, "restarting"},
    {S::kReady, E::kShutDown, S::kShuttingDown, kSend, "stopping"},

    {S::kExiting, E::kCleared, S::kExiting, kDecide, nullptr},
    {S::kExiting, E::kWontDie, S::kExitUnkillable, kExit, "unkillable"},
    {S::kExiting, E::kRestartNow, S::kStarting, kExit | kExecute, nullptr},
    {S::kExiting, E::kRestartLater, S::kBackoff, kExit | kArm, "backoff"},
    {S::kExiting, E::kCrashLoop, S::kCrashLooping, kExit | kArm, "crash_looping"},
    {S::kExiting, E::kLeave, S::kExited, kExit, "completed"},
    {S::kExiting, E::kStop, S::kStopping, 0, "stopping"},
    {S::kExiting, E::kRestart, S::kRestarting, kZero, "restarting"},
    {S::kExiting, E::kStart, S::kRestarting, kZero, "restarting"},
    {S::kExiting, E::kShutDown, S::kShuttingDown, 0, "stopping"},

    {S::kEnding, E::kMainExited, S::kExiting, kClear, nullptr},
    {S::kEnding, E::kStopTimeout, S::kEnding, kClear, nullptr},
    {S::kEnding, E::kWontDie, S::kExitUnkillable, kExit, "unkillable"},
    {S::kEnding, E::kStop, S::kStopping, 0, "stopping"},
    {S::kEnding, E::kRestart, S::kRestarting, kZero, "restarting"},
    {S::kEnding, E::kStart, S::kRestarting, kZero, "restarting"},
    {S::kEnding, E::kShutDown, S::kShuttingDown, 0, "stopping"},

    {S::kStopping, E::kMainExited, S::kStopping, kClear, nullptr},
    {S::kStopping, E::kStopTimeout, S::kStopping, kClear, nullptr},
    {S::kStopping, E::kCleared, S::kStopped, kExit, "stopped"},
    {S::kStopping, E::kWontDie, S::kStopUnkillable, kExit, "unkillable"},
    {S::kStopping, E::kRestart, S::kRestarting, kZero, "restarting"},
    {S::kStopping, E::kStart, S::kRestarting, kZero, "restarting"},

    {S::kRestarting, E::kMainExited, S::kRestarting, kClear, nullptr},
    {S::kRestarting, E::kStopTimeout, S::kRestarting, kClear, nullptr},
    {S::kRestarting, E::kCleared, S::kStarting, kExit | kExecute, nullptr},
    {S::kRestarting, E::kWontDie, S::kRestartUnkillable, kExit, "unkillable"},
    {S::kRestarting, E::kStop, S::kStopping, 0, "stopping"},
    {S::kRestarting, E::kShutDown, S::kShuttingDown, 0, "stopping"},

    {S::kShuttingDown, E::kMainExited, S::kShuttingDown, kClear, nullptr},
    {S::kShuttingDown, E::kStopTimeout, S::kShuttingDown, kClear, nullptr},
    {S::kShuttingDown, E::kCleared, S::kShutDown, kExit, nullptr},
    {S::kShuttingDown, E::kWontDie, S::kShutDownUnkillable, kExit, "unkillable"},
    {S::kShuttingDown, E::kStop, S::kStopping, 0, "stopping"},

    {S::kBackoff, E::kDelayOver, S::kStarting, kExecute, nullptr},
    {S::kBackoff, E::kStop, S::kStopped, kCancel, "stopped"},
    {S::kBackoff, E::kRestart, S::kStarting, kZero | kCancel | kExecute, "restarting"},
    {S::kBackoff, E::kStart, S::kStarting, kZero | kCancel | kExecute, "restarting"},
    {S::kBackoff, E::kShutDown, S::kShutDown, kCancel, nullptr},

    {S::kCrashLooping, E::kDelayOver, S::kStarting, kExecute, nullptr},
    {S::kCrashLooping, E::kStop, S::kStopped, kCancel, "stopped"},
    {S::kCrashLooping, E::kRestart, S::kStarting, kZero | kCancel | kExecute, "restarting"},
    {S::kCrashLooping, E::kStart, S::kStarting, kZero | kCancel | kExecute, "restarting"},
    {S::kCrashLooping, E::kShutDown, S::kShutDown, kCancel, nullptr},

    {S::kExitUnkillable, E::kMainExited, S::kExitUnkillable, kClear, nullptr},
    {S::kExitUnkillable, E::kCleared, S::kExiting, kDecide, nullptr},
    {S::kExitUnkillable, E::kStop, S::kStopUnkillable, 0, "unkillable"},
    {S::kExitUnkillable, E::kRestart, S::kRestartUnkillable, kZero, "unkillable"},
    {S::kExitUnkillable, E::kStart, S::kRestartUnkillable, kZero, "unkillable"},
    {S::kExitUnkillable, E::kShutDown, S::kShutDownUnkillable, 0, nullptr},

    {S::kStopUnkillable, E::kMainExited, S::kStopUnkillable, kClear, nullptr},
    {S::kStopUnkillable, E::kCleared, S::kStopped, kExit, "stopped"},
    {S::kStopUnkillable, E::kRestart, S::kRestartUnkillable, kZero, "unkillable"},
    {S::kStopUnkillable, E::kStart, S::kRestartUnkillable, kZero, "unkillable"},

    {S::kRestartUnkillable, E::kMainExited, S::kRestartUnkillable, kClear, nullptr},
    {S::kRestartUnkillable, E::kCleared, S::kStarting, kExit | kExecute, nullptr},
    {S::kRestartUnkillable, E::kStop, S::kStopUnkillable, 0, "unkillable"},
    {S::kRestartUnkillable, E::kShutDown, S::kShutDownUnkillable, 0, nullptr},

    // A supervisor that left now would make room for a second copy beside what survived.
    {S::kShutDownUnkillable, E::kMainExited, S::kShutDownUnkillable, kClear, nullptr},
    {S::kShutDownUnkillable, E::kCleared, S::kShutDown, kExit, nullptr},
    {S::kShutDownUnkillable, E::kStop, S::kStopUnkillable, 0, "unkillable"},
    {S::kShutDownUnkillable, E::kRestart, S::kRestartUnkillable, kZero, "unkillable"},
    {S::kShutDownUnkillable, E::kStart, S::kRestartUnkillable, kZero, "unkillable"},
};

constexpr Table MakeTable() {
  Table table{};
  for (size_t state = 0; state < kInstanceStates; ++state) {
    for (auto& entry : table[state]) entry.next = static_cast<S>(state);
  }
  for (const Row& row : kRows) {
    table[static_cast<size_t>(row.state)][static_cast<size_t>(row.event)] = {row.next, row.actions,
                                                                             row.report, false};
  }
  return table;
}

constexpr Table kTable = MakeTable();

constexpr bool EachPairIsThereOnce() {
  for (const Row& a : kRows) {
    int count = 0;
    for (const Row& b : kRows) count += a.state == b.state && a.event == b.event ? 1 : 0;
    if (count != 1) return false;
  }
  return true;
}
static_assert(EachPairIsThereOnce());

}  // namespace

Transition Next(InstanceState state, InstanceEvent event) {
  return kTable[static_cast<size_t>(state)][static_cast<size_t>(event)];
}

const char* ToString(InstanceState state) {
  constexpr const char* kNames[] = {"launching",
                                    "starting",
                                    "running",
                                    "ready",
                                    "exiting",
                                    "ending",
                                    "stopping",
                                    "restarting",
                                    "shutting down",
                                    "backoff",
                                    "crash looping",
                                    "exit unkillable",
                                    "stop unkillable",
                                    "restart unkillable",
                                    "shut down unkillable",
                                    "stopped",
                                    "exited",
                                    "failed",
                                    "shut down"};
  static_assert(std::size(kNames) == kInstanceStates);
  return kNames[static_cast<size_t>(state)];
}

const char* ToString(InstanceEvent event) {
  constexpr const char* kNames[] = {
      "executed",    "exec refused",  "exec failed", "became ready", "became unready",
      "not live",    "main exited",   "cleared",     "won't die",    "stop timeout",
      "restart now", "restart later", "crash loop",  "leave",        "delay over",
      "stop",        "restart",       "start",       "shut down"};
  static_assert(std::size(kNames) == kInstanceEvents);
  return kNames[static_cast<size_t>(event)];
}

bool IsClean(const Ending& ending) {
  if (ending.exited) return ending.exit_code == 0;
  return ending.signal == SIGHUP || ending.signal == SIGINT || ending.signal == SIGTERM ||
         ending.signal == SIGPIPE;
}

bool ShouldRestart(RestartPolicy policy, const Ending& ending) {
  switch (policy) {
    case RestartPolicy::kAlways:
      return true;
    case RestartPolicy::kOnFailure:
      return !IsClean(ending);
    case RestartPolicy::kNever:
      return false;
  }
  return false;
}

bool MayExecuteLater(std::string_view stage, int error_number, bool ran_before) {
  switch (error_number) {
    case EAGAIN:
    case ENOMEM:
    case ETXTBSY:
    case EMFILE:
    case ENFILE:
    case EINTR:
      return true;
    case E2BIG:
    case ENAMETOOLONG:
      return false;
    default:
      return ran_before && stage != "spec" && stage != "setuid";
  }
}

namespace {

// Whether this failure makes a crash loop.
bool CountFailure(int64_t now_ms, RestartHistory& history) {
  auto& times = history.failure_times_ms;
  if (history.failures == times.size()) {
    std::rotate(times.begin(), times.begin() + 1, times.end());
    --history.failures;
  }
  times[history.failures++] = now_ms;
  return history.failures == times.size() && now_ms - times.front() <= kCrashLoopWindowMs;
}

int64_t WithJitter(int64_t delay_ms, double random) {
  return delay_ms + static_cast<int64_t>(static_cast<double>(delay_ms) * kRestartJitter * random);
}

}  // namespace

RestartDecision DecideRestart(RestartPolicy policy, const Ending& ending, bool was_ready,
                              int64_t now_ms, double random, RestartHistory& history) {
  if (!ShouldRestart(policy, ending)) return {E::kLeave, 0};
  const bool quick = history.last_restart_ms && now_ms - *history.last_restart_ms <= kQuickEndMs;
  const bool failure = !was_ready || quick || !IsClean(ending);
  RestartDecision decision;
  if (failure && CountFailure(now_ms, history)) {
    ++history.delayed_restarts;
    decision = {E::kCrashLoop, WithJitter(kRestartDelayMaxMs, random)};
  } else if (was_ready && !quick) {
    decision = {E::kRestartNow, 0};
  } else {
    int64_t delay_ms = kRestartDelayFirstMs;
    for (int i = 0; i < history.delayed_restarts && delay_ms < kRestartDelayMaxMs; ++i)
      delay_ms *= 2;
    ++history.delayed_restarts;
    decision = {E::kRestartLater, WithJitter(std::min(delay_ms, kRestartDelayMaxMs), random)};
  }
  history.last_restart_ms = now_ms + decision.delay_ms;
  return decision;
}

}  // namespace grpc_os::core
