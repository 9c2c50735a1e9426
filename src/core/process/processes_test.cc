#include "core/process/processes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "base/error_detail.h"
#include "base/limits.h"
#include "core/disk.h"
#include "core/error_reason.h"
#include "testing/manual_scheduler.h"
#include "testing/memory_process_store.h"
#include "testing/recording_supervision.h"

namespace grpc_os::core {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ProcessesTest : public ::testing::Test {
 protected:
  ProcessesTest() { processes_.OnInstances({}); }

  static Process Named(const std::string& name) {
    Process process;
    process.name = name;
    process.spec.command = "sleep 1000";
    return process;
  }
  // The answer of a use case, when it came.
  struct Answer {
    std::optional<absl::StatusOr<Process>> value;
    bool came() const { return value.has_value(); }
    std::string reason() const { return DetailOf(value->status())->reason; }
  };
  Processes::Done Into(Answer& answer) {
    return [&answer](absl::StatusOr<Process> process) {
      ASSERT_FALSE(answer.came()) << "answered twice";
      answer.value = std::move(process);
    };
  }
  void Report(const std::string& action, ProcessState state, bool ever_started = true) {
    InstanceReport report;
    report.instance_id = supervision_.launched.back();
    report.seq = ++seq_;
    report.time_ms = scheduler_.now_ms;
    report.action = action;
    report.status.state = state;
    report.status.pid = state == ProcessState::kRunning ? 4711 : 0;
    report.status.observed_generation = report.status.running_generation = 1;
    report.restart_number = restart_number_;
    report.ever_started = ever_started;
    if (state == ProcessState::kFailed) report.status.message = "No such file or directory";
    processes_.OnReport(report);
    scheduler_.RunAll();
  }
  // What its supervisor tells while it cannot write the reports up to `newest_seq`.
  void Present(int64_t newest_seq, ProcessState state, int pid) {
    InstanceReport snapshot;
    snapshot.instance_id = supervision_.launched.back();
    snapshot.newest_seq = newest_seq;
    snapshot.status.state = state;
    snapshot.status.pid = pid;
    processes_.OnPresent(snapshot);
    scheduler_.RunAll();
  }
  void Connect() {
    InstanceReport snapshot;
    snapshot.instance_id = supervision_.launched.back();
    snapshot.status.state = ProcessState::kStarting;
    snapshot.status.observed_generation = 1;
    processes_.OnConnected(snapshot);
    scheduler_.RunAll();
  }
  void Launched() {
    supervision_.launch_done(absl::OkStatus());
    seq_ = 0;
    restart_number_ = 0;
    Connect();
  }
  // A process that runs.
  void Run(const std::string& name) {
    Answer answer;
    processes_.Create(Named(name), Into(answer));
    scheduler_.RunAll();
    Launched();
    Report("started", ProcessState::kRunning);
    ASSERT_TRUE(answer.came() && answer.value->ok());
  }

  testing::ManualScheduler scheduler_;
  testing::MemoryProcessStore store_;
  testing::RecordingSupervision supervision_;
  Processes processes_{store_, supervision_, scheduler_};
  int64_t seq_ = 0;
  int64_t restart_number_ = 0;
};

TEST_F(ProcessesTest, CreationIsDurableBeforeTheLaunchAndAnsweredAfterTheExec) {
  Answer answer;
  store_.hold = true;
  processes_.Create(Named("web"), Into(answer));
  scheduler_.RunAll();
  EXPECT_THAT(supervision_.launched, IsEmpty());
  EXPECT_EQ(processes_.Find("web"), nullptr) << "not to be seen before it is committed";
  store_.hold = false;
  store_.held.front()();
  scheduler_.RunAll();
  ASSERT_EQ(supervision_.launched.size(), 1u);
  EXPECT_FALSE(answer.came());
  Launched();
  Report("started", ProcessState::kRunning);
  ASSERT_TRUE(answer.came());
  EXPECT_EQ((*answer.value)->status.pid, 4711);
  EXPECT_EQ(supervision_.acknowledged, 1);
}

TEST_F(ProcessesTest, ANameIsTakenFromTheFirstMoment) {
  Answer first, second, third;
  processes_.Create(Named("web"), Into(first));
  processes_.Create(Named("web"), Into(second));
  scheduler_.RunAll();
  EXPECT_EQ(second.reason(), reason::kNameTaken);
  Launched();
  Report("started", ProcessState::kRunning);
  processes_.Create(Named("web"), Into(third));
  scheduler_.RunAll();
  EXPECT_EQ(third.reason(), reason::kNameTaken);
  // Of one that runs, neither `start web` nor `delete web` would help.
  EXPECT_THAT(std::string(third.value->status().message()),
              ::testing::AllOf(::testing::HasSubstr("`update web` and `restart web`"),
                               ::testing::HasSubstr("`delete --force web`")));
}

TEST_F(ProcessesTest, WhatCannotBeExecutedLeavesNothingBehind) {
  Answer answer;
  processes_.Create(Named("web"), Into(answer));
  scheduler_.RunAll();
  Launched();
  Report("failed", ProcessState::kFailed, /*ever_started=*/false);
  ASSERT_TRUE(answer.came());
  EXPECT_EQ(answer.reason(), reason::kExecFailed);
  EXPECT_THAT(store_.rows, IsEmpty());
  EXPECT_EQ(supervision_.released, supervision_.launched);
  EXPECT_EQ(supervision_.removed.size(), 1u);
  EXPECT_EQ(processes_.Find("web"), nullptr);
}

TEST_F(ProcessesTest, AnAccountThatIsAllowedNoMoreIsNamedAsTheReason) {
  Run("web");
  Answer stop, start, again;
  processes_.Stop("web", "", Into(stop));
  scheduler_.RunAll();
  Report("stopped", ProcessState::kStopped);
  processes_.Start("web", "", Into(start));
  scheduler_.RunAll();
  supervision_.launch_done(absl::FailedPreconditionError("the account 'bob' is not allowed"));
  scheduler_.RunAll();
  ASSERT_TRUE(start.came());
  EXPECT_EQ(start.reason(), reason::kAccountRefused);
  EXPECT_EQ(processes_.Find("web")->status.state, ProcessState::kFailed);
  processes_.Start("web", "", Into(again));
  scheduler_.RunAll();
  Launched();
  Report("failed", ProcessState::kFailed);
  ASSERT_TRUE(again.came());
  EXPECT_EQ(again.reason(), reason::kExecFailed) << "of this instance, not of the one before";
}

TEST_F(ProcessesTest, AFailedStoreRefusesTheCreationAndForgetsIt) {
  store_.failure = absl::UnavailableError("disk full");
  Answer answer, again;
  processes_.Create(Named("web"), Into(answer));
  scheduler_.RunAll();
  EXPECT_EQ(answer.reason(), reason::kStoreUnavailable);
  store_.failure = absl::OkStatus();
  processes_.Create(Named("web"), Into(again));
  scheduler_.RunAll();
  EXPECT_EQ(supervision_.launched.size(), 1u);
}

TEST_F(ProcessesTest, AReportThatTheStoreRefusesIsKeptUntilItTakesIt) {
  Run("web");
  store_.failure = absl::UnavailableError("disk full");
  Report("exited", ProcessState::kBackoff);
  EXPECT_EQ(processes_.Find("web")->status.state, ProcessState::kRunning);
  EXPECT_EQ(supervision_.acknowledged, 1);
  store_.failure = absl::OkStatus();
  scheduler_.Advance(10'000);
  EXPECT_EQ(processes_.Find("web")->status.state, ProcessState::kBackoff);
  EXPECT_EQ(supervision_.acknowledged, 2);
}

TEST_F(ProcessesTest, WhatCouldNotBeStoredIsShownBesideWhatIsStored) {
  Run("web");
  const std::string id = processes_.Find("web")->id;
  EXPECT_EQ(processes_.UnsavedOf(id), nullptr);
  store_.full = true;
  Report("backoff", ProcessState::kBackoff);
  scheduler_.Advance(700);
  Report("started", ProcessState::kRunning);
  EXPECT_EQ(processes_.Find("web")->instance_seq, 1);
  ASSERT_NE(processes_.UnsavedOf(id), nullptr);
  const Processes::Unsaved& unsaved = *processes_.UnsavedOf(id);
  EXPECT_EQ(unsaved.process.status.state, ProcessState::kRunning);
  EXPECT_EQ(unsaved.process.instance_seq, 3);
  EXPECT_EQ(unsaved.reports, 2);
  EXPECT_EQ(unsaved.since_ms, 1'000'000) << "since the first of them";
  EXPECT_EQ(processes_.TotalUnsaved().reports, 2);
  EXPECT_EQ(processes_.TotalUnsaved().since_ms, 1'000'000);
  EXPECT_EQ(supervision_.acknowledged, 1);
  EXPECT_EQ(processes_.Revision(99), 99) << "nothing is under way";
  store_.full = false;
  scheduler_.Advance(10'000);
  EXPECT_EQ(processes_.UnsavedOf(id), nullptr);
  EXPECT_EQ(processes_.TotalUnsaved().reports, 0);
  EXPECT_EQ(processes_.Find("web")->instance_seq, 3);
  EXPECT_EQ(supervision_.acknowledged, 3);
}

TEST_F(ProcessesTest, WhatASupervisorCannotReportIsShownUntilItsReportsAreStored) {
  Run("web");
  const std::string id = processes_.Find("web")->id;
  const size_t events = store_.actions.size();
  std::optional<absl::StatusOr<Processes::Waited>> waited;
  processes_.Wait("web", Processes::Condition::kAtRest, 600'000,
                  [&](absl::StatusOr<Processes::Waited> answer) { waited = std::move(answer); });
  Present(3, ProcessState::kExited, 0);
  Present(5, ProcessState::kRunning, 4712);
  ASSERT_NE(processes_.UnsavedOf(id), nullptr);
  EXPECT_EQ(processes_.UnsavedOf(id)->process.status.pid, 4712);
  EXPECT_EQ(processes_.TotalUnsaved().reports, 1);
  EXPECT_EQ(processes_.TotalUnsaved().since_ms, 1'000'000);
  EXPECT_EQ(processes_.Find("web")->status.pid, 4711);
  EXPECT_EQ(supervision_.acknowledged, 1);
  EXPECT_EQ(store_.actions.size(), events);
  EXPECT_FALSE(waited.has_value());

  // It may come to be stored in parts, and after more refusals.
  scheduler_.Advance(700);
  Report("exited", ProcessState::kBackoff);
  EXPECT_EQ(processes_.Find("web")->instance_seq, 2);
  ASSERT_NE(processes_.UnsavedOf(id), nullptr);
  EXPECT_EQ(processes_.UnsavedOf(id)->process.status.pid, 4712);
  EXPECT_EQ(processes_.UnsavedOf(id)->since_ms, 1'000'000);
  store_.full = true;
  Report("started", ProcessState::kRunning);
  EXPECT_EQ(processes_.UnsavedOf(id)->process.status.pid, 4712);
  EXPECT_EQ(processes_.TotalUnsaved().reports, 2);
  store_.full = false;
  scheduler_.Advance(10'000);
  seq_ = 4;
  Report("message", ProcessState::kRunning);
  EXPECT_EQ(processes_.Find("web")->instance_seq, 5);
  EXPECT_EQ(processes_.UnsavedOf(id), nullptr);
  EXPECT_EQ(processes_.TotalUnsaved().reports, 0);
}

TEST_F(ProcessesTest, WhatASupervisorWasAheadEndsWithIt) {
  Run("web");
  const std::string id = processes_.Find("web")->id;
  Present(9, ProcessState::kRunning, 4712);
  ASSERT_NE(processes_.UnsavedOf(id), nullptr);
  Connect();  // the next supervisor, of which these reports will never come
  EXPECT_EQ(processes_.UnsavedOf(id), nullptr);
  Present(9, ProcessState::kRunning, 4712);
  Answer restart;
  Report("failed", ProcessState::kFailed);
  processes_.Start("web", "", Into(restart));
  scheduler_.RunAll();
  EXPECT_NE(processes_.Find("web")->status.state, ProcessState::kFailed);
  EXPECT_EQ(processes_.UnsavedOf(id), nullptr) << "it is another instance now";
}

TEST_F(ProcessesTest, NobodyWhoWaitsIsAnsweredByWhatIsNotStored) {
  Run("web");
  std::optional<absl::StatusOr<Processes::Waited>> waited;
  store_.full = true;
  Report("exited", ProcessState::kExited);
  ASSERT_TRUE(IsAtRest(processes_.UnsavedOf(processes_.Find("web")->id)->process.status.state));
  processes_.Wait("web", Processes::Condition::kAtRest, 5'000,
                  [&](absl::StatusOr<Processes::Waited> answer) { waited = std::move(answer); });
  scheduler_.RunAll();
  scheduler_.Advance(2'000);
  EXPECT_FALSE(waited.has_value());
  EXPECT_THAT(supervision_.released, IsEmpty()) << "its report is in its journal alone";
  store_.full = false;
  scheduler_.Advance(500);
  ASSERT_TRUE(waited.has_value() && waited->ok());
  EXPECT_TRUE((*waited)->satisfied);
}

TEST_F(ProcessesTest, OnAFullDiskAStopGoesThroughWithAllThatFollowsFromIt) {
  Run("web");
  store_.full = true;
  Report("exited", ProcessState::kBackoff);
  Report("started", ProcessState::kRunning);
  ASSERT_EQ(processes_.Find("web")->instance_seq, 1);
  Answer stop;
  processes_.Stop("web", "", Into(stop));
  scheduler_.RunAll();
  EXPECT_EQ(processes_.Find("web")->instance_seq, 3) << "what waited went along";
  EXPECT_EQ(processes_.UnsavedOf(processes_.Find("web")->id), nullptr);
  ASSERT_EQ(supervision_.stopped.size(), 1u);
  Report("stopping", ProcessState::kStopping);
  EXPECT_FALSE(stop.came());
  Report("stopped", ProcessState::kStopped);
  ASSERT_TRUE(stop.came() && stop.value->ok());
  absl::StatusOr<int64_t> deleted = absl::UnknownError("no answer");
  processes_.Delete("web", "", false,
                    [&](absl::StatusOr<int64_t> revision) { deleted = revision; });
  scheduler_.RunAll();
  EXPECT_TRUE(deleted.ok()) << deleted.status();
  EXPECT_THAT(store_.rows, IsEmpty());
}

TEST_F(ProcessesTest, OnAFullDiskNothingIsBegunOrChanged) {
  Run("web");
  store_.full = true;
  store_.reserve_asked.clear();
  Answer create, update, restart, start;
  processes_.Create(Named("other"), Into(create));
  processes_.Update(
      "web", "",
      [](ProcessSpec& spec) {
        spec.command = "sleep 1";
        return absl::OkStatus();
      },
      Into(update));
  scheduler_.RunAll();
  processes_.Restart("web", "", Into(restart));
  scheduler_.RunAll();
  store_.full = false;
  Answer stop;
  processes_.Stop("web", "", Into(stop));
  scheduler_.RunAll();
  Report("stopped", ProcessState::kStopped);
  store_.full = true;
  processes_.Start("web", "", Into(start));
  scheduler_.RunAll();
  for (const Answer* answer : {&create, &update, &restart, &start})
    EXPECT_EQ(answer->reason(), reason::kDiskFull);
  // Create, update, restart; stop and its report; start.
  EXPECT_THAT(store_.reserve_asked, ElementsAre(false, false, false, true, true, false));
}

TEST_F(ProcessesTest, NothingIsBegunWithoutRoomAndWhatRunsIsNotAsked) {
  Run("web");
  int asked = 0;
  processes_.SetRoomCheck([&asked] {
    ++asked;
    return DiskFullError("disk full", "nothing was started");
  });
  Answer start, restart, create, stop, again;
  processes_.Start("web", "", Into(start));
  scheduler_.RunAll();
  EXPECT_TRUE(start.came() && start.value->ok()) << "it runs";
  EXPECT_EQ(asked, 0);
  processes_.Restart("web", "", Into(restart));
  processes_.Create(Named("other"), Into(create));
  scheduler_.RunAll();
  EXPECT_EQ(restart.reason(), reason::kDiskFull);
  EXPECT_EQ(create.reason(), reason::kDiskFull);
  EXPECT_EQ(processes_.Find("other"), nullptr);
  processes_.Stop("web", "", Into(stop));
  scheduler_.RunAll();
  Report("stopped", ProcessState::kStopped);
  EXPECT_TRUE(stop.came() && stop.value->ok());
  processes_.Start("web", "", Into(again));
  scheduler_.RunAll();
  EXPECT_EQ(again.reason(), reason::kDiskFull);
  EXPECT_EQ(processes_.Find("web")->desired, DesiredState::kStopped);
}

TEST_F(ProcessesTest, WhatHappensToAProcessThatShallRunTakesNothingOfTheReserve) {
  Run("web");
  store_.reserve_asked.clear();
  Report("exited", ProcessState::kBackoff);
  Report("started", ProcessState::kRunning);
  EXPECT_THAT(store_.reserve_asked, ElementsAre(false, false));
}

TEST_F(ProcessesTest, RefusedCallsDoNotAddToHowOftenTheStoreIsAsked) {
  Run("web");
  store_.full = true;
  Report("backoff", ProcessState::kBackoff);
  for (int i = 0; i < 10; ++i) {
    Answer start;
    processes_.Start("web", "", Into(start));
    scheduler_.RunAll();
    ASSERT_TRUE(start.came());
  }
  store_.reserve_asked.clear();
  for (int i = 0; i < 10; ++i) scheduler_.Advance(500);
  EXPECT_EQ(store_.reserve_asked.size(), 10u) << "twice a second";
}

TEST_F(ProcessesTest, ASignalGoesByWhatIsKnownThoughItIsNotStored) {
  Run("web");
  Report("backoff", ProcessState::kBackoff);
  store_.full = true;
  Report("started", ProcessState::kRunning);
  ASSERT_EQ(processes_.Find("web")->status.state, ProcessState::kBackoff);
  absl::StatusOr<int> signalled = absl::UnknownError("no answer");
  processes_.Signal("web", 10, [&](absl::StatusOr<int> pid) { signalled = pid; });
  scheduler_.RunAll();
  EXPECT_TRUE(signalled.ok()) << signalled.status();
}

TEST_F(ProcessesTest, StopIsAnsweredWhenNothingIsLeft) {
  Run("web");
  Answer answer;
  processes_.Stop("web", "", Into(answer));
  scheduler_.RunAll();
  EXPECT_EQ(supervision_.stopped, supervision_.launched);
  Report("stopping", ProcessState::kStopping);
  EXPECT_FALSE(answer.came());
  Report("stopped", ProcessState::kStopped);
  ASSERT_TRUE(answer.came());
  EXPECT_EQ(supervision_.released, supervision_.launched);
  EXPECT_EQ(store_.rows.begin()->second.desired, DesiredState::kStopped);
}

TEST_F(ProcessesTest, AStartWhileItIsBeingStoppedBeginsAnewAfterTheStop) {
  Run("web");
  Answer stop, start;
  processes_.Stop("web", "", Into(stop));
  scheduler_.RunAll();
  Report("stopping", ProcessState::kStopping);
  processes_.Start("web", "", Into(start));
  scheduler_.RunAll();
  EXPECT_EQ(stop.reason(), reason::kSuperseded);
  EXPECT_EQ(supervision_.launched.size(), 1u) << "never a second copy beside the first";
  Report("stopped", ProcessState::kStopped);
  ASSERT_EQ(supervision_.launched.size(), 2u);
  EXPECT_FALSE(start.came());
  Launched();
  Report("started", ProcessState::kRunning);
  EXPECT_TRUE(start.came() && start.value->ok());
}

TEST_F(ProcessesTest, StartOfARunningOneChangesNothing) {
  Run("web");
  const int64_t revision = store_.revision;
  Answer answer;
  processes_.Start("web", "", Into(answer));
  scheduler_.RunAll();
  EXPECT_TRUE(answer.came() && answer.value->ok());
  EXPECT_EQ(store_.revision, revision);
}

TEST_F(ProcessesTest, RestartWaitsForItsOwnNumber) {
  Run("web");
  Answer answer;
  processes_.Restart("web", "", Into(answer));
  scheduler_.RunAll();
  EXPECT_THAT(supervision_.restarts, ElementsAre(NextRestartNumber(0, /*forced=*/true)));
  EXPECT_FALSE(answer.came()) << "the old execution is no answer";
  restart_number_ = NextRestartNumber(0, /*forced=*/true);
  Report("started", ProcessState::kRunning);
  EXPECT_TRUE(answer.came() && answer.value->ok());
}

TEST_F(ProcessesTest, AStartBesideARestartDoesNotSoftenIt) {
  Run("web");
  Answer restart, start;
  store_.hold = true;
  processes_.Restart("web", "", Into(restart));
  scheduler_.RunAll();
  processes_.Start("web", "", Into(start));
  store_.hold = false;
  store_.held.front()();
  scheduler_.RunAll();
  EXPECT_THAT(supervision_.restarts, ElementsAre(NextRestartNumber(0, /*forced=*/true)));
  EXPECT_THAT(supervision_.only_if_waiting, ElementsAre(false));
}

TEST_F(ProcessesTest, AStartInBackOffDoesNotTouchOneThatHasJustStartedByItself) {
  Run("web");
  Report("backoff", ProcessState::kBackoff);
  Answer start;
  processes_.Start("web", "", Into(start));
  scheduler_.RunAll();
  EXPECT_THAT(supervision_.only_if_waiting, ElementsAre(true));
}

TEST_F(ProcessesTest, ARestartThatCrossesTheEndOfTheProcessStillHappens) {
  Run("job");
  Answer restart;
  processes_.Restart("job", "", Into(restart));
  scheduler_.RunAll();
  Report("completed", ProcessState::kExited);  // ended before it heard of the restart
  EXPECT_EQ(processes_.Find("job")->desired, DesiredState::kRunning);
  ASSERT_EQ(supervision_.launched.size(), 2u);
  Launched();
  Report("started", ProcessState::kRunning);
  EXPECT_TRUE(restart.came() && restart.value->ok());
}

TEST_F(ProcessesTest, ARestartRightBehindAStopIsNoAnswerFromTheOldExecution) {
  Run("web");
  Answer stop, restart;
  processes_.Stop("web", "", Into(stop));
  processes_.Restart("web", "", Into(restart));
  scheduler_.RunAll();
  EXPECT_EQ(stop.reason(), reason::kSuperseded);
  EXPECT_FALSE(restart.came());
  EXPECT_THAT(supervision_.restarts, ElementsAre(NextRestartNumber(0, /*forced=*/true)));
  restart_number_ = NextRestartNumber(0, /*forced=*/true);
  Report("started", ProcessState::kRunning);
  EXPECT_TRUE(restart.came() && restart.value->ok());
}

TEST_F(ProcessesTest, ReportsThatTheStoreRefusedKeepTheirOrder) {
  Run("web");
  store_.hold_failure = true;
  Report("exited", ProcessState::kBackoff);   // its commit is under way, and will fail
  Report("started", ProcessState::kRunning);  // comes meanwhile
  store_.hold_failure = false;
  store_.held.front()();
  scheduler_.RunAll();
  scheduler_.Advance(10'000);
  EXPECT_THAT(store_.actions, ElementsAre("created", "started", "exited", "started"));
}

TEST_F(ProcessesTest, WhoFollowsHearsThatNothingMoreWillCome) {
  Run("web");
  const std::string id = processes_.Find("web")->id;
  int completed = 0, let_go = 0, deleted = 0, unknown = 0;
  const auto held = processes_.WhenAtRest(id, [&] { ++completed; });
  processes_.WhenAtRest(id, [&] { ++let_go; });  // nobody holds it
  scheduler_.RunAll();
  Report("exited", ProcessState::kBackoff);
  Report("started", ProcessState::kRunning);
  EXPECT_EQ(completed, 0) << "it is restarted";
  Report("completed", ProcessState::kExited);
  EXPECT_EQ(completed, 1);
  EXPECT_EQ(let_go, 0);
  // One that rests already is told of at once; one that is not there, too.
  const auto late = processes_.WhenAtRest(id, [&] { ++deleted; });
  const auto other = processes_.WhenAtRest("proc_0", [&] { ++unknown; });
  scheduler_.RunAll();
  EXPECT_EQ(deleted, 1);
  EXPECT_EQ(unknown, 1);
  EXPECT_EQ(completed, 1) << "once";
}

TEST_F(ProcessesTest, AStopIsTheEndForWhoFollowsAndARestartIsNone) {
  Run("web");
  const std::string id = processes_.Find("web")->id;
  int told = 0;
  const auto held = processes_.WhenAtRest(id, [&] { ++told; });
  Answer restarted;
  processes_.Restart("web", "", Into(restarted));
  scheduler_.RunAll();
  restart_number_ = processes_.Find("web")->restart_number;
  Report("stopped", ProcessState::kStopped);
  EXPECT_EQ(told, 0) << "it is meant to run";
  Report("started", ProcessState::kRunning);
  Answer stopped;
  processes_.Stop("web", "", Into(stopped));
  scheduler_.RunAll();
  EXPECT_EQ(told, 0) << "it may still write";
  Report("stopped", ProcessState::kStopped);
  EXPECT_EQ(told, 1);
}

TEST_F(ProcessesTest, CallsThatWaitForOneProcessAreBounded) {
  Run("web");
  Answer last;
  std::vector<Answer> waiting(limits::kWaitersPerProcess);
  for (Answer& answer : waiting) processes_.Stop("web", "", Into(answer));
  processes_.Stop("web", "", Into(last));
  scheduler_.RunAll();
  ASSERT_TRUE(last.came());
  EXPECT_EQ(last.reason(), reason::kLimitReached);
}

TEST_F(ProcessesTest, AWaitThatNobodyWaitsForAnyMoreGivesItsPlaceBack) {
  Run("web");
  int came = 0;
  const auto count = [&came](const absl::StatusOr<Processes::Waited>&) { ++came; };
  std::vector<Processes::WaiterPlace> places;
  for (int i = 0; i < limits::kWaitersPerProcess; ++i)
    places.push_back(processes_.Wait("web", Processes::Condition::kAtRest, 30'000, count));
  scheduler_.RunAll();
  EXPECT_EQ(came, 0);
  processes_.Wait("web", Processes::Condition::kAtRest, 30'000, count);
  EXPECT_EQ(came, 1) << "there is no place";
  processes_.StopWaiting(places.front());
  processes_.StopWaiting(places.front());
  processes_.Wait("web", Processes::Condition::kAtRest, 30'000, count);
  scheduler_.RunAll();
  EXPECT_EQ(came, 1) << "there is one again, and who left it is not answered";
  scheduler_.Advance(30'000);
  EXPECT_EQ(came, 1 + limits::kWaitersPerProcess);
}

TEST_F(ProcessesTest, ThoseWhoOnlyWaitKeepNobodyFromTheAnswerOfTheirStop) {
  Run("web");
  for (int i = 0; i < limits::kWaitersPerProcess; ++i)
    processes_.Wait("web", Processes::Condition::kAtRest, 30'000, [](const auto&) {});
  Answer stop;
  processes_.Stop("web", "", Into(stop));
  scheduler_.RunAll();
  EXPECT_FALSE(stop.came()) << "it waits until the process has stopped";
}

TEST_F(ProcessesTest, AChangeWhoseCallHasEndedGivesItsPlaceToTheNext) {
  Run("web");
  std::vector<Answer> waiting(limits::kWaitersPerProcess);
  Origin origin;
  for (Answer& answer : waiting) processes_.Stop("web", "", Into(answer), origin);
  scheduler_.RunAll();
  origin.findings->Lock()->ended = true;
  Answer last;
  processes_.Stop("web", "", Into(last));
  scheduler_.RunAll();
  EXPECT_FALSE(last.came()) << "it waits until the process has stopped";
}

TEST_F(ProcessesTest, AnUpdateReachesTheSupervisorAndWaitsForARestart) {
  Run("web");
  Answer answer;
  processes_.Update(
      "web", "",
      [](ProcessSpec& spec) {
        spec.environment["PORT"] = "1";
        return absl::OkStatus();
      },
      Into(answer));
  scheduler_.RunAll();
  ASSERT_TRUE(answer.came() && answer.value->ok());
  EXPECT_EQ((*answer.value)->generation, 2);
  EXPECT_THAT(supervision_.specs, ElementsAre(2));
  EXPECT_THAT(supervision_.restarts, IsEmpty());
}

TEST_F(ProcessesTest, AChangeThatIsRefusedChangesNothing) {
  Run("web");
  Answer answer;
  processes_.Update(
      "web", "",
      [](ProcessSpec& spec) {
        spec.command = "other";
        return absl::InvalidArgumentError("no");
      },
      Into(answer));
  scheduler_.RunAll();
  EXPECT_EQ(answer.value->status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(processes_.Find("web")->generation, 1);
  EXPECT_NE(processes_.Find("web")->spec.command, "other");
}

TEST_F(ProcessesTest, AnOldEtagIsRefused) {
  Run("web");
  const std::string etag = Processes::EtagOf(*processes_.Find("web"));
  Answer first, second;
  processes_.Update(
      "web", etag,
      [](ProcessSpec& spec) {
        spec.environment["A"] = "1";
        return absl::OkStatus();
      },
      Into(first));
  processes_.Update(
      "web", etag,
      [](ProcessSpec& spec) {
        spec.environment["A"] = "2";
        return absl::OkStatus();
      },
      Into(second));
  scheduler_.RunAll();
  EXPECT_TRUE(first.value->ok());
  EXPECT_EQ(second.reason(), reason::kEtagMismatch);
}

TEST_F(ProcessesTest, DeletionNeedsAStoppedProcessOrForce) {
  Run("web");
  std::optional<absl::StatusOr<int64_t>> gentle, forced;
  processes_.Delete("web", "", false, [&](absl::StatusOr<int64_t> revision) { gentle = revision; });
  scheduler_.RunAll();
  EXPECT_EQ(DetailOf(gentle->status())->reason, reason::kProcessRunning);
  processes_.Delete("web", "", true, [&](absl::StatusOr<int64_t> revision) { forced = revision; });
  scheduler_.RunAll();
  Report("stopped", ProcessState::kStopped);
  scheduler_.RunAll();
  ASSERT_TRUE(forced.has_value() && forced->ok());
  EXPECT_THAT(store_.rows, IsEmpty());
}

TEST_F(ProcessesTest, AProcessThatRanToItsEndIsNotLaunchedAgain) {
  Run("job");
  Report("exited", ProcessState::kExited);
  EXPECT_EQ(processes_.Find("job")->desired, DesiredState::kCompleted);
  processes_.OnGone(supervision_.launched.back());
  scheduler_.RunAll();
  EXPECT_EQ(supervision_.launched.size(), 1u);
}

TEST_F(ProcessesTest, AStaleReportOfAnEarlierInstanceIsIgnored) {
  Run("web");
  InstanceReport stale;
  stale.instance_id = "00000000000000000000000000000000";
  stale.seq = 99;
  stale.status.state = ProcessState::kRunning;
  processes_.OnReport(stale);
  scheduler_.RunAll();
  EXPECT_EQ(supervision_.acknowledged, 1);
}

// ---- By whom, and once --------------------------------------------------------------------------

Origin From(const std::string& request_id) {
  Origin origin;
  origin.record.user = "ada";
  origin.record.resource = "web";
  if (!request_id.empty()) {
    origin.request = CommittedRequest{};
    origin.request->key.id = request_id;
  }
  return origin;
}

TEST_F(ProcessesTest, AChangeCarriesWhoAskedForItIntoItsTransaction) {
  Run("web");
  Answer stop;
  const Origin origin = From("once");
  store_.hold = true;
  processes_.Stop("web", "", Into(stop), origin);
  scheduler_.RunAll();
  EXPECT_FALSE(origin.written->load()) << "not before it is durable";
  store_.held.front()();
  scheduler_.RunAll();
  EXPECT_TRUE(origin.written->load());
  ASSERT_EQ(store_.audit.size(), 1u);
  EXPECT_EQ(store_.audit[0].user, "ada");
  ASSERT_EQ(store_.requests.size(), 1u);
  EXPECT_EQ(store_.requests[0].key.id, "once");
}

TEST_F(ProcessesTest, WhatIsRefusedLeavesNoTraceAndWhatChangesNothingIsRemembered) {
  Run("web");
  const int64_t revision = processes_.Find("web")->revision;
  const size_t told = store_.actions.size();
  Answer stale, nothing;
  const Origin refused = From("one");
  const Origin unchanged = From("two");
  processes_.Stop("web", "\"no such etag\"", Into(stale), refused);
  processes_.Start("web", "", Into(nothing), unchanged);
  scheduler_.RunAll();
  EXPECT_EQ(stale.reason(), reason::kEtagMismatch);
  EXPECT_TRUE(nothing.value->ok());
  EXPECT_FALSE(refused.written->load());
  EXPECT_TRUE(unchanged.written->load());
  ASSERT_EQ(store_.audit.size(), 1u);
  ASSERT_EQ(store_.requests.size(), 1u);
  EXPECT_EQ(store_.requests[0].key.id, "two");
  EXPECT_EQ(store_.actions.size(), told);
  EXPECT_EQ(processes_.Find("web")->revision, revision);
}

TEST_F(ProcessesTest, WhoLostThePermissionIsRefusedWithTheChangeAndItsNeighboursAreNot) {
  Run("web");
  Answer update, stop;
  Origin lost = From("lost");
  lost.permit = [](std::string_view) { return absl::PermissionDeniedError("no longer"); };
  const Origin kept = From("kept");
  processes_.Update(
      "web", "",
      [](ProcessSpec& spec) {
        spec.command = "not theirs";
        return absl::OkStatus();
      },
      Into(update), lost);
  // In the same draft, and built on it: the other's change, and a report.
  processes_.Stop("web", "", Into(stop), kept);
  Report("exited", ProcessState::kExited);
  ASSERT_TRUE(update.came());
  EXPECT_TRUE(absl::IsPermissionDenied(update.value->status()));
  ASSERT_TRUE(stop.came() && stop.value->ok());
  EXPECT_EQ(processes_.Find("web")->spec.command, "sleep 1000");
  EXPECT_EQ(processes_.Find("web")->generation, 1);
  EXPECT_EQ(processes_.Find("web")->status.state, ProcessState::kExited);
  EXPECT_FALSE(lost.written->load());
  EXPECT_TRUE(kept.written->load());
  ASSERT_EQ(store_.requests.size(), 1u);
  EXPECT_EQ(store_.requests[0].key.id, "kept");
}

// What one was refused for in a draft may be right in the next, and is recorded then.
TEST_F(ProcessesTest, WhatWasRefusedOverAChangeThatWasNotPermittedIsDoneAfterAll) {
  Run("web");
  Report("exited", ProcessState::kExited);
  std::optional<absl::StatusOr<int64_t>> deleted;
  Origin lost = From("lost");
  lost.permit = [](std::string_view) { return absl::UnauthenticatedError("logged out"); };
  processes_.Delete(
      "web", "", false, [&](absl::StatusOr<int64_t> revision) { deleted = revision; }, lost);
  Answer start;
  const Origin kept = From("kept");
  processes_.Start("web", "", Into(start), kept);
  scheduler_.RunAll();
  ASSERT_TRUE(deleted.has_value());
  EXPECT_TRUE(absl::IsUnauthenticated(deleted->status()));
  ASSERT_NE(processes_.Find("web"), nullptr);
  Launched();
  Report("started", ProcessState::kRunning);
  ASSERT_TRUE(start.came() && start.value->ok());
  EXPECT_TRUE(kept.written->load());
  ASSERT_EQ(store_.audit.size(), 1u);
}

TEST_F(ProcessesTest, ACreationThatIsNotPermittedAnyMoreLeavesNothingBehind) {
  Answer create;
  Origin lost = From("lost");
  lost.permit = [](std::string_view) { return absl::PermissionDeniedError("no longer"); };
  processes_.Create(Named("web"), Into(create), lost);
  scheduler_.RunAll();
  ASSERT_TRUE(create.came());
  EXPECT_TRUE(absl::IsPermissionDenied(create.value->status()));
  EXPECT_THAT(supervision_.launched, IsEmpty());
  EXPECT_EQ(processes_.Count(), 0);
  Run("web");
}

TEST_F(ProcessesTest, ARepeatWaitsForWhatTheFirstCallWaitedFor) {
  Run("web");
  Answer stop, repeat;
  processes_.Stop("web", "", Into(stop), From("once"));
  scheduler_.RunAll();
  processes_.Repeat(store_.requests.at(0).subject, Into(repeat));
  scheduler_.RunAll();
  EXPECT_FALSE(repeat.came()) << "it is being stopped";
  Report("stopped", ProcessState::kStopped);
  ASSERT_TRUE(repeat.came());
  EXPECT_EQ((*repeat.value)->status.state, ProcessState::kStopped);
}

TEST_F(ProcessesTest, ARepeatAfterALaterChangeTellsHowItIsNowAndChangesNothing) {
  Run("web");
  Answer stop, start, repeat, gone;
  processes_.Stop("web", "", Into(stop), From("once"));
  scheduler_.RunAll();
  const std::string subject = store_.requests.at(0).subject;
  Report("stopped", ProcessState::kStopped);
  processes_.Start("web", "", Into(start));
  scheduler_.RunAll();
  Launched();
  Report("started", ProcessState::kRunning);
  processes_.Repeat(subject, Into(repeat));
  scheduler_.RunAll();
  ASSERT_TRUE(repeat.came());
  EXPECT_EQ((*repeat.value)->desired, DesiredState::kRunning);
  processes_.Repeat("proc_gone 1 0", Into(gone));
  scheduler_.RunAll();
  EXPECT_EQ(gone.reason(), reason::kProcessNotFound);
}

TEST_F(ProcessesTest, ADeleteThatStopsFirstIsNotToBeRepeatedOnlyAsAWhole) {
  Run("web");
  std::optional<absl::StatusOr<int64_t>> deleted;
  processes_.Delete(
      "web", "", true, [&](absl::StatusOr<int64_t> revision) { deleted = std::move(revision); },
      From("once"));
  scheduler_.RunAll();
  EXPECT_THAT(store_.requests, IsEmpty()) << "only its stop is committed";
  ASSERT_EQ(store_.audit.size(), 1u);
  EXPECT_EQ(store_.audit[0].result, "STARTED");
  Report("stopped", ProcessState::kStopped);
  ASSERT_TRUE(deleted.has_value() && deleted->ok());
  EXPECT_EQ(store_.requests.size(), 1u);
  EXPECT_EQ(store_.audit.size(), 2u);
}

}  // namespace
}  // namespace grpc_os::core
