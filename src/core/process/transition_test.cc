#include "core/process/transition.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <csignal>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace grpc_os::core {
namespace {

using S = InstanceState;
using E = InstanceEvent;
namespace act = instance_action;

std::vector<S> AllStates() {
  std::vector<S> states;
  for (size_t i = 0; i < kInstanceStates; ++i) states.push_back(static_cast<S>(i));
  return states;
}

std::vector<E> AllEvents() {
  std::vector<E> events;
  for (size_t i = 0; i < kInstanceEvents; ++i) events.push_back(static_cast<E>(i));
  return events;
}

std::string Pair(S state, E event) {
  return std::string(ToString(state)) + " × " + ToString(event);
}

// May a main process be alive in this state?
bool MainMayLive(S state) {
  const std::set<S> living = {S::kStarting,       S::kRunning,           S::kReady,
                              S::kEnding,         S::kStopping,          S::kRestarting,
                              S::kShuttingDown,   S::kExitUnkillable,    S::kRestartUnkillable,
                              S::kStopUnkillable, S::kShutDownUnkillable};
  return living.contains(state);
}

// The events that mean something, by state. Written down a second time, so that a row that is lost
// or added by mistake in the table is seen.
const std::map<S, std::set<E>>& Meaningful() {
  static const std::map<S, std::set<E>> table = {
      {S::kLaunching, {E::kCleared, E::kWontDie, E::kStop, E::kRestart, E::kStart, E::kShutDown}},
      {S::kStarting,
       {E::kExecuted, E::kExecRefused, E::kExecFailed, E::kStop, E::kRestart, E::kShutDown}},
      {S::kRunning, {E::kBecameReady, E::kMainExited, E::kStop, E::kRestart, E::kShutDown}},
      {S::kReady,
       {E::kBecameUnready, E::kNotLive, E::kMainExited, E::kStop, E::kRestart, E::kShutDown}},
      {S::kExiting,
       {E::kCleared, E::kWontDie, E::kRestartNow, E::kRestartLater, E::kCrashLoop, E::kLeave,
        E::kStop, E::kRestart, E::kStart, E::kShutDown}},
      {S::kEnding,
       {E::kMainExited, E::kStopTimeout, E::kWontDie, E::kStop, E::kRestart, E::kStart,
        E::kShutDown}},
      {S::kStopping,
       {E::kMainExited, E::kStopTimeout, E::kCleared, E::kWontDie, E::kRestart, E::kStart}},
      {S::kRestarting,
       {E::kMainExited, E::kStopTimeout, E::kCleared, E::kWontDie, E::kStop, E::kShutDown}},
      {S::kShuttingDown, {E::kMainExited, E::kStopTimeout, E::kCleared, E::kWontDie, E::kStop}},
      {S::kBackoff, {E::kDelayOver, E::kStop, E::kRestart, E::kStart, E::kShutDown}},
      {S::kCrashLooping, {E::kDelayOver, E::kStop, E::kRestart, E::kStart, E::kShutDown}},
      {S::kExitUnkillable,
       {E::kMainExited, E::kCleared, E::kStop, E::kRestart, E::kStart, E::kShutDown}},
      {S::kStopUnkillable, {E::kMainExited, E::kCleared, E::kRestart, E::kStart}},
      {S::kRestartUnkillable, {E::kMainExited, E::kCleared, E::kStop, E::kShutDown}},
      {S::kShutDownUnkillable, {E::kMainExited, E::kCleared, E::kStop, E::kRestart, E::kStart}},
      {S::kStopped, {}},
      {S::kExited, {}},
      {S::kFailed, {}},
      {S::kShutDown, {}},
  };
  return table;
}

TEST(TransitionTable, HasAnEntryForEveryPairAndIgnoresWhatMeansNothing) {
  ASSERT_EQ(Meaningful().size(), kInstanceStates);
  for (const S state : AllStates()) {
    for (const E event : AllEvents()) {
      const Transition transition = Next(state, event);
      const bool meaningful = Meaningful().at(state).contains(event);
      EXPECT_EQ(transition.ignored, !meaningful) << Pair(state, event);
      if (transition.ignored) {
        EXPECT_EQ(transition.next, state) << Pair(state, event);
        EXPECT_EQ(transition.actions, 0) << Pair(state, event);
        EXPECT_EQ(transition.report, nullptr) << Pair(state, event);
      }
    }
  }
}

TEST(TransitionTable, FinalStatesAreNeverLeft) {
  for (const S state : AllStates()) {
    if (!IsFinal(state)) continue;
    for (const E event : AllEvents())
      EXPECT_EQ(Next(state, event).next, state) << Pair(state, event);
  }
}

TEST(TransitionTable, ExecutesOnlyAfterAllWasClearedOrFromWaiting) {
  for (const S state : AllStates()) {
    for (const E event : AllEvents()) {
      const Transition transition = Next(state, event);
      const bool executes = (transition.actions & act::kExecute) != 0;
      EXPECT_EQ(executes, transition.next == S::kStarting && !transition.ignored)
          << Pair(state, event);
      if (!executes) continue;
      const bool nothing_left =
          event == E::kCleared || (state == S::kExiting && event == E::kRestartNow);
      const bool was_waiting = state == S::kBackoff || state == S::kCrashLooping;
      EXPECT_TRUE(nothing_left || was_waiting) << Pair(state, event);
    }
  }
}

TEST(TransitionTable, AStopIsHeededInEveryStateThatIsNotFinal) {
  for (const S state : AllStates()) {
    if (IsFinal(state)) continue;
    const S next = Next(state, E::kStop).next;
    EXPECT_TRUE(next == S::kStopping || next == S::kStopped || next == S::kStopUnkillable)
        << ToString(state);
  }
}

TEST(TransitionTable, AStopEndsStoppedWhateverComesBetweenButAWishToRun) {
  for (const S state : AllStates()) {
    if (IsFinal(state)) continue;
    S now = Next(state, E::kStop).next;
    for (const E event : {E::kStop, E::kStopTimeout, E::kMainExited, E::kDelayOver, E::kExecuted,
                          E::kWontDie, E::kMainExited, E::kCleared}) {
      now = Next(now, event).next;
    }
    EXPECT_EQ(now, S::kStopped) << "from " << ToString(state);
  }
}

TEST(TransitionTable, ARestartWhileStoppingIsDoneWhenAllIsCleared) {
  for (const E wish : {E::kRestart, E::kStart}) {
    const Transition wished = Next(S::kStopping, wish);
    EXPECT_EQ(wished.next, S::kRestarting);
    EXPECT_EQ(wished.actions, act::kZeroCounters);  // in particular, no second stop signal
    EXPECT_EQ(Next(S::kRestarting, E::kCleared).next, S::kStarting);
  }
}

TEST(TransitionTable, EveryWishToRunZeroesTheCounters) {
  for (const S state : AllStates()) {
    for (const E event : {E::kRestart, E::kStart}) {
      const Transition transition = Next(state, event);
      if (!transition.ignored) {
        EXPECT_TRUE(transition.actions & act::kZeroCounters) << Pair(state, event);
      }
    }
  }
}

TEST(TransitionTable, StartLeavesAloneWhatRuns) {
  for (const S state : {S::kStarting, S::kRunning, S::kReady}) {
    EXPECT_TRUE(Next(state, E::kStart).ignored) << ToString(state);
  }
}

TEST(TransitionTable, ARestartInBackoffStartsAtOnce) {
  for (const S state : {S::kBackoff, S::kCrashLooping}) {
    const Transition transition = Next(state, E::kRestart);
    EXPECT_EQ(transition.next, S::kStarting);
    EXPECT_EQ(transition.actions, act::kZeroCounters | act::kCancelDelay | act::kExecute);
  }
}

TEST(TransitionTable, TheEndOfTheMainProcessIsAlwaysClearedUp) {
  for (const S state : AllStates()) {
    if (!MainMayLive(state) || state == S::kStarting) continue;
    const Transition transition = Next(state, E::kMainExited);
    EXPECT_TRUE(transition.actions & act::kClear) << ToString(state);
    EXPECT_NE(transition.next, S::kStarting) << ToString(state);
  }
}

TEST(TransitionTable, AnUnkillableProcessIsNeverStartedBeside) {
  for (const S state :
       {S::kExitUnkillable, S::kStopUnkillable, S::kRestartUnkillable, S::kShutDownUnkillable}) {
    for (const E event : AllEvents()) {
      if (event == E::kCleared) continue;
      const S next = Next(state, event).next;
      EXPECT_TRUE(next == S::kExitUnkillable || next == S::kStopUnkillable ||
                  next == S::kRestartUnkillable || next == S::kShutDownUnkillable)
          << Pair(state, event);
    }
  }
}

TEST(TransitionTable, AnUnrecoverableExecutionIsFinalAtOnce) {
  EXPECT_EQ(Next(S::kStarting, E::kExecRefused).next, S::kFailed);
  EXPECT_STREQ(Next(S::kStarting, E::kExecRefused).report, "failed");
}

TEST(TransitionTable, AShutDownReachesAnEndFromEveryState) {
  for (const S state : AllStates()) {
    S now = state;
    for (const E event : {E::kShutDown, E::kMainExited, E::kStopTimeout, E::kCleared}) {
      now = Next(now, event).next;
    }
    EXPECT_TRUE(IsFinal(now)) << ToString(state);
  }
}

TEST(TransitionTable, TheExitIsReportedBeforeTheNextExecution) {
  for (const S state : {S::kRestarting, S::kRestartUnkillable}) {
    EXPECT_TRUE(Next(state, E::kCleared).actions & act::kReportExit) << ToString(state);
  }
  for (const E event : {E::kRestartNow, E::kRestartLater, E::kCrashLoop, E::kLeave}) {
    EXPECT_TRUE(Next(S::kExiting, event).actions & act::kReportExit) << ToString(event);
  }
}

// ---- Restarting
// --------------------------------------------------------------------------------------------------

constexpr Ending kExit0{true, 0, 0};
constexpr Ending kExit1{true, 1, 0};
constexpr Ending kUnknown{};

Ending KilledBy(int signal) { return {false, 0, signal}; }

TEST(CleanEnd, IsExit0OrDeathByHupIntTermPipe) {
  EXPECT_TRUE(IsClean(kExit0));
  for (const int signal : {SIGHUP, SIGINT, SIGTERM, SIGPIPE})
    EXPECT_TRUE(IsClean(KilledBy(signal)));
  EXPECT_FALSE(IsClean(kExit1));
  for (const int signal : {SIGKILL, SIGSEGV, SIGABRT}) EXPECT_FALSE(IsClean(KilledBy(signal)));
  EXPECT_FALSE(IsClean(kUnknown));
}

TEST(RestartPolicyRule, AlwaysRestartsOnFailureOnlyWhatWasNotCleanNeverNothing) {
  for (const Ending& ending : {kExit0, kExit1, KilledBy(SIGTERM), KilledBy(SIGKILL), kUnknown}) {
    EXPECT_TRUE(ShouldRestart(RestartPolicy::kAlways, ending));
    EXPECT_EQ(ShouldRestart(RestartPolicy::kOnFailure, ending), !IsClean(ending));
    EXPECT_FALSE(ShouldRestart(RestartPolicy::kNever, ending));
  }
}

TEST(ExecFailure, OfAFirstExecutionIsForGoodUnlessTheMachineIsShortOfSomething) {
  for (const bool ran_before : {false, true}) {
    for (const int error : {EAGAIN, ENOMEM, ETXTBSY, EMFILE, ENFILE}) {
      EXPECT_TRUE(MayExecuteLater("exec", error, ran_before)) << error;
    }
  }
  for (const char* stage : {"exec", "chdir", "output"}) {
    for (const int error : {ENOENT, EACCES, ENOTDIR, ENOEXEC, EPERM, ELOOP, EIO}) {
      EXPECT_FALSE(MayExecuteLater(stage, error, false)) << stage << error;
    }
  }
}

TEST(ExecFailure, OfWhatRanBeforeIsTriedAgainUnlessNoLaterMomentMendsIt) {
  for (const char* stage : {"exec", "chdir", "fork", "output", "cgroup"}) {
    for (const int error : {ENOENT, EACCES, ENOTDIR, ENOEXEC, EPERM, ELOOP, EIO, ESTALE, EINVAL}) {
      EXPECT_TRUE(MayExecuteLater(stage, error, true)) << stage << error;
    }
    for (const int error : {E2BIG, ENAMETOOLONG}) {
      EXPECT_FALSE(MayExecuteLater(stage, error, true)) << stage << error;
    }
  }
  EXPECT_FALSE(MayExecuteLater("spec", ENOENT, true));
  EXPECT_FALSE(MayExecuteLater("setuid", EPERM, true));
}

RestartDecision Fail(RestartHistory& history, int64_t now_ms, bool was_ready = false,
                     double random = 0) {
  return DecideRestart(RestartPolicy::kAlways, kExit1, was_ready, now_ms, random, history);
}

TEST(BackOff, DoublesFromOneSecondToSixty) {
  RestartHistory history;
  int64_t now_ms = 0;
  std::vector<int64_t> delays;
  for (int i = 0; i < 9; ++i) {
    now_ms += kCrashLoopWindowMs;  // too seldom for a crash loop
    const RestartDecision decision = Fail(history, now_ms);
    EXPECT_EQ(decision.event, E::kRestartLater);
    delays.push_back(decision.delay_ms);
  }
  EXPECT_EQ(delays,
            (std::vector<int64_t>{1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000}));
}

TEST(BackOff, AddsUpToAQuarterByChance) {
  RestartHistory none;
  EXPECT_EQ(Fail(none, 0, false, 0.5).delay_ms, 1125);
  RestartHistory same;
  const int64_t most = Fail(same, 0, false, 0.999999).delay_ms;
  EXPECT_GT(most, 1240);
  EXPECT_LE(most, 1250);
}

TEST(BackOff, IsSkippedByOneThatHadBeenReadyUnlessItEndedQuickly) {
  RestartHistory history;
  int64_t now_ms = 0;
  EXPECT_EQ(Fail(history, now_ms, true).event, E::kRestartNow);
  EXPECT_EQ(Fail(history, now_ms += kQuickEndMs, true).delay_ms, 1000);
  // Counted from when it ran again, not from when it ended.
  EXPECT_EQ(Fail(history, now_ms += 1000 + kQuickEndMs, true).delay_ms, 2000);
  EXPECT_EQ(Fail(history, now_ms += 2000 + kQuickEndMs + 1, true).event, E::kRestartNow);
  EXPECT_EQ(Fail(history, now_ms += kQuickEndMs + 1, false).event, E::kCrashLoop);
}

TEST(BackOff, AfterAQuickEndIsTheSameForExit0) {
  RestartHistory history;
  int64_t now_ms = 0;
  std::vector<int64_t> delays;
  E last = E::kLeave;
  while (last != E::kCrashLoop && delays.size() < 1000) {
    const auto next = DecideRestart(RestartPolicy::kAlways, kExit0, true, now_ms += 5, 0, history);
    last = next.event;
    delays.push_back(next.delay_ms);
    now_ms += next.delay_ms;
  }
  EXPECT_EQ(delays, (std::vector<int64_t>{0, 1000, 2000, 4000, 8000, 60'000}));
}

// So far apart that none is a quick end.
constexpr int64_t kApartMs = kQuickEndMs + 1;

TEST(CrashLoop, IsTheFifthFailureWithinTenMinutes) {
  RestartHistory history;
  for (int64_t i = 0; i < 4; ++i) {
    EXPECT_EQ(Fail(history, i * kApartMs, true).event, E::kRestartNow);
  }
  const RestartDecision fifth = Fail(history, 4 * kApartMs, true);
  EXPECT_EQ(fifth.event, E::kCrashLoop);
  EXPECT_EQ(fifth.delay_ms, kRestartDelayMaxMs);
  // Never given up: the sixth and all others wait as long, no longer.
  for (int i = 1; i < 100; ++i) {
    const RestartDecision later = Fail(history, 4 * kApartMs + i * 75'000);
    EXPECT_EQ(later.event, E::kCrashLoop);
    EXPECT_EQ(later.delay_ms, kRestartDelayMaxMs);
  }
}

TEST(CrashLoop, CountsTheTenMinutesToTheMillisecond) {
  for (const int64_t late : {0, 1}) {
    RestartHistory history;
    for (int i = 0; i < 4; ++i) Fail(history, i * kApartMs, true);
    EXPECT_EQ(Fail(history, kCrashLoopWindowMs + late, true).event,
              late == 0 ? E::kCrashLoop : E::kRestartNow);
  }
}

TEST(CrashLoop, IsNotWhatFailsMoreSeldom) {
  RestartHistory history;
  for (int i = 0; i < 100; ++i) {
    // Five span four intervals.
    EXPECT_EQ(Fail(history, i * (kCrashLoopWindowMs / 4 + 1), true).event, E::kRestartNow);
  }
}

TEST(CrashLoop, IsNotACleanEndOfWhatHadBeenReadyAndWasNotQuick) {
  RestartHistory history;
  for (int64_t i = 0; i < 100; ++i) {
    const RestartDecision decision =
        DecideRestart(RestartPolicy::kAlways, kExit0, true, i * kApartMs, 0, history);
    EXPECT_EQ(decision.event, E::kRestartNow);
  }
  EXPECT_EQ(history.failures, 0u);
  EXPECT_EQ(history.delayed_restarts, 0);
}

TEST(CrashLoop, IsAlsoACleanEndThatCameTooSoon) {
  RestartHistory history;
  RestartDecision decision;
  for (int64_t i = 0; i < 5; ++i) {
    decision = DecideRestart(RestartPolicy::kAlways, kExit0, false, i * 1000, 0, history);
  }
  EXPECT_EQ(decision.event, E::kCrashLoop);
}

TEST(RestartDecision, LeavesWhatThePolicyLeavesAndRemembersNothing) {
  RestartHistory history;
  EXPECT_EQ(DecideRestart(RestartPolicy::kNever, kExit1, true, 0, 0, history).event, E::kLeave);
  EXPECT_EQ(DecideRestart(RestartPolicy::kOnFailure, kExit0, true, 0, 0, history).event, E::kLeave);
  EXPECT_EQ(history, RestartHistory{});
}

}  // namespace
}  // namespace grpc_os::core
