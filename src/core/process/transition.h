// How an instance of a process lives: one table, state × event → state, actions and report, and the
// rules for restarting. Pure: no clock, no system calls. grpc-os-supervise drives it.
#ifndef GRPC_OS_CORE_PROCESS_TRANSITION_H_
#define GRPC_OS_CORE_PROCESS_TRANSITION_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/process/process.h"

namespace grpc_os::core {

enum class InstanceState : uint8_t {
  // Nothing was executed yet by this supervisor; what an earlier one left is being cleared away.
  kLaunching,
  // Cloned; whether it could be executed is not known yet.
  kStarting,
  kRunning,  // executed, not ready
  kReady,
  // The main process ended by itself, or could not be executed for now: its leftovers are being
  // cleared away, then the
  // restart policy decides.
  kExiting,
  kEnding,  // not live: the main process was told to end, and then as kExiting
  // As asked for, the main process was told to end and everything of it is being cleared away…
  kStopping,      // …for good
  kRestarting,    // …to be started again
  kShuttingDown,  // …because the supervisor is to end; that it should run stays wanted
  kBackoff,
  kCrashLooping,
  // Something survives SIGKILL; when it is gone at last, it goes on as from…
  kExitUnkillable,      // …kExiting
  kStopUnkillable,      // …kStopping
  kRestartUnkillable,   // …kRestarting
  kShutDownUnkillable,  // …kShuttingDown
  // Final:
  kStopped,
  kExited,
  kFailed,
  kShutDown,  // still wanted: the daemon gives it a new instance
};
inline constexpr size_t kInstanceStates = static_cast<size_t>(InstanceState::kShutDown) + 1;

enum class InstanceEvent : uint8_t {
  kExecuted,
  kExecRefused,  // it will never work
  kExecFailed,   // it may work later
  kBecameReady,
  kBecameUnready,  // it said STOPPING=1
  kNotLive,        // its liveness probe failed
  kMainExited,
  kCleared,  // nothing of it is left, and its output was read
  kWontDie,  // something survived all tries
  kStopTimeout,
  // The restart policy's decision:
  kRestartNow,
  kRestartLater,
  kCrashLoop,
  kLeave,
  kDelayOver,
  // Asked for:
  kStop,
  kRestart,
  kStart,  // as kRestart, but what runs is left alone
  kShutDown,
};
inline constexpr size_t kInstanceEvents = static_cast<size_t>(InstanceEvent::kShutDown) + 1;

const char* ToString(InstanceState state);
const char* ToString(InstanceEvent event);

// What to do on a transition, in this order.
namespace instance_action {
inline constexpr uint16_t kZeroCounters = 1 << 0;  // attempts, back-off and failures begin anew
inline constexpr uint16_t kCancelDelay = 1 << 1;
inline constexpr uint16_t kArmDelay = 1 << 2;    // kDelayOver after the delay that was decided
inline constexpr uint16_t kReportExit = 1 << 3;  // how the last execution ended, if not told yet
inline constexpr uint16_t kSendStop = 1 << 4;  // the stop signal, then SIGCONT; kStopTimeout later
inline constexpr uint16_t kClear = 1 << 5;     // kill what is left; kCleared or kWontDie later
inline constexpr uint16_t kDecide = 1 << 6;    // ask the restart policy
inline constexpr uint16_t kExecute = 1 << 7;
}  // namespace instance_action

struct Transition {
  InstanceState next = InstanceState::kLaunching;
  uint16_t actions = 0;
  // The Report.action that tells of it (after that of kReportExit); nullptr: none.
  const char* report = nullptr;
  // The event means nothing in this state: nothing changes.
  bool ignored = true;
};

Transition Next(InstanceState state, InstanceEvent event);

// Nothing of it runs and this supervisor will not start it again.
constexpr bool IsFinal(InstanceState state) {
  return state == InstanceState::kStopped || state == InstanceState::kExited ||
         state == InstanceState::kFailed || state == InstanceState::kShutDown;
}

// ---- Restarting
// --------------------------------------------------------------------------------------------------

inline constexpr int64_t kRestartDelayFirstMs = 1'000;
inline constexpr int64_t kRestartDelayMaxMs = 60'000;
inline constexpr double kRestartJitter = 0.25;  // of the delay, at most, is added
inline constexpr int64_t kHealthyMs = 60'000;   // ready for so long: counters begin anew
inline constexpr int64_t kQuickEndMs = 10'000;  // so soon after a restart, an end is a failure
inline constexpr size_t kCrashLoopFailures = 5;
inline constexpr int64_t kCrashLoopWindowMs = 600'000;

// How an execution ended, as far as restarting is concerned. Neither exited nor signal: not
// executed, or not known.
struct Ending {
  bool exited = false;
  int exit_code = 0;
  int signal = 0;
};

// Exit 0, or death by HUP, INT, TERM or PIPE (as systemd counts it).
bool IsClean(const Ending& ending);
bool ShouldRestart(RestartPolicy policy, const Ending& ending);

// Whether an execution that failed at this stage (of ExecFailure) is tried again. A first one only
// if the machine was short of something or the file was being written: else nothing of the process
// is to stay. Of what ran before, all are but those that no later moment mends: arguments or names
// too long, a spec that cannot be read, an account that cannot be taken on.
bool MayExecuteLater(std::string_view stage, int error_number, bool ran_before);

// What the rules remember from one end to the next.
struct RestartHistory {
  int delayed_restarts = 0;  // since the counters began anew
  size_t failures = 0;       // how many of `failure_times_ms` are set
  std::array<int64_t, kCrashLoopFailures> failure_times_ms{};  // the last ones, oldest first
  // When the last restart that was decided is or was due, on the same clock.
  std::optional<int64_t> last_restart_ms;

  bool operator==(const RestartHistory&) const = default;
};

struct RestartDecision {
  InstanceEvent event = InstanceEvent::kLeave;  // kLeave, kRestartNow, kRestartLater or kCrashLoop
  int64_t delay_ms = 0;
};

// What to do after an end that nobody asked for. One that had been ready starts again at once,
// unless it ended quickly: within kQuickEndMs of the restart before. Else after 1 s, doubling to
// 60 s, plus up to a quarter by `random` (0 ≤ random < 1); never given up. A failure is any end but
// a clean one that came after having been ready and was not quick; five of them within ten minutes
// (`now_ms`, any steady clock) are a crash loop, tried at the longest delay.
RestartDecision DecideRestart(RestartPolicy policy, const Ending& ending, bool was_ready,
                              int64_t now_ms, double random, RestartHistory& history);

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_PROCESS_TRANSITION_H_
