// A daemon that comes up finds processes that ran without it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <utility>

#include "base/error_detail.h"
#include "core/error_reason.h"
#include "core/process/processes.h"
#include "testing/manual_scheduler.h"
#include "testing/memory_process_store.h"
#include "testing/recording_supervision.h"

namespace grpc_os::core {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class RecoveryTest : public ::testing::Test {
 protected:
  static Process Stored(ProcessState state, DesiredState desired) {
    Process process;
    process.id = "proc_1";
    process.name = "web";
    process.instance_id = "0123456789abcdef0123456789abcdef";
    process.desired = desired;
    process.status.state = state;
    process.provisional = false;
    return process;
  }
  void Recover(Process process, std::vector<std::string> instances, bool rebooted = false) {
    store_.rows[process.id] = process;
    processes_.Load({process}, 7, rebooted);
    scheduler_.RunAll();
    EXPECT_THAT(supervision_.launched, IsEmpty())
        << "nothing may be launched before init told what lives";
    processes_.OnInstances(instances);
    scheduler_.RunAll();
  }

  testing::ManualScheduler scheduler_;
  testing::MemoryProcessStore store_;
  testing::RecordingSupervision supervision_;
  Processes processes_{store_, supervision_, scheduler_};
};

TEST_F(RecoveryTest, WhatLivesIsAdoptedAndNotLaunched) {
  const Process process = Stored(ProcessState::kRunning, DesiredState::kRunning);
  Recover(process, {process.instance_id});
  EXPECT_THAT(supervision_.launched, IsEmpty());
  EXPECT_THAT(supervision_.attached, ElementsAre(process.instance_id));
}

TEST_F(RecoveryTest, IsSettledOnceASupervisorToldAllThatHappenedMeanwhile) {
  const Process process = Stored(ProcessState::kRunning, DesiredState::kStopped);
  EXPECT_FALSE(processes_.Settled());
  Recover(process, {process.instance_id});
  EXPECT_FALSE(processes_.Settled());
  InstanceReport snapshot;
  snapshot.instance_id = process.instance_id;
  snapshot.status.state = ProcessState::kStopped;
  snapshot.newest_seq = 1;
  processes_.OnConnected(snapshot);
  scheduler_.RunAll();
  EXPECT_FALSE(processes_.Settled()) << "the report of its end is on its way";
  snapshot.seq = 1;
  snapshot.action = "stopped";
  processes_.OnReport(snapshot);
  EXPECT_FALSE(processes_.Settled()) << "it is not committed";
  scheduler_.RunAll();
  EXPECT_TRUE(processes_.Settled());
}

TEST_F(RecoveryTest, OnAFullDiskItIsSettledByWhatIsShownOfIt) {
  const Process process = Stored(ProcessState::kRunning, DesiredState::kRunning);
  store_.full = true;
  Recover(process, {process.instance_id});
  InstanceReport report;
  report.instance_id = process.instance_id;
  report.status.state = ProcessState::kRunning;
  report.newest_seq = 2;
  processes_.OnConnected(report);
  report.seq = 1;
  processes_.OnReport(report);
  scheduler_.RunAll();
  EXPECT_FALSE(processes_.Settled()) << "another report is on its way";
  report.seq = 2;
  processes_.OnReport(report);
  scheduler_.RunAll();
  EXPECT_TRUE(processes_.Settled());
  EXPECT_EQ(processes_.TotalUnsaved().reports, 2);
}

TEST_F(RecoveryTest, ItIsSettledByWhatASupervisorTellsAheadOfItsReports) {
  const Process process = Stored(ProcessState::kRunning, DesiredState::kRunning);
  Recover(process, {process.instance_id});
  InstanceReport snapshot;
  snapshot.instance_id = process.instance_id;
  snapshot.status.state = ProcessState::kRunning;
  snapshot.newest_seq = 7;
  processes_.OnConnected(snapshot);
  scheduler_.RunAll();
  EXPECT_FALSE(processes_.Settled());
  processes_.OnPresent(snapshot);
  scheduler_.RunAll();
  EXPECT_TRUE(processes_.Settled());
  EXPECT_EQ(processes_.TotalUnsaved().reports, 1);
}

TEST_F(RecoveryTest, AStartThatWasNotPassedOnDoesNotRestartWhatRunsAndARestartDoes) {
  for (const bool forced : {false, true}) {
    Process process = Stored(ProcessState::kRunning, DesiredState::kRunning);
    process.restart_number = NextRestartNumber(0, forced);
    testing::ManualScheduler scheduler;
    testing::MemoryProcessStore store;
    testing::RecordingSupervision supervision;
    Processes processes(store, supervision, scheduler);
    processes.Load({process}, 7, /*rebooted=*/false);
    processes.OnInstances({process.instance_id});
    InstanceReport snapshot;
    snapshot.instance_id = process.instance_id;
    snapshot.status.state = ProcessState::kRunning;
    snapshot.status.observed_generation = 1;
    processes.OnConnected(snapshot);
    scheduler.RunAll();
    EXPECT_THAT(supervision.only_if_waiting, ElementsAre(!forced));
  }
}

TEST_F(RecoveryTest, WhatIsAtRestIsConnectedToSoThatItCanBeReleased) {
  const Process process = Stored(ProcessState::kStopped, DesiredState::kStopped);
  Recover(process, {process.instance_id});
  EXPECT_THAT(supervision_.attached, ElementsAre(process.instance_id));
  EXPECT_THAT(supervision_.released, ElementsAre(process.instance_id));
}

TEST_F(RecoveryTest, WhatWasCommittedButNeverLaunchedIsLaunchedAsWhatItIs) {
  const Process process = Stored(ProcessState::kPending, DesiredState::kRunning);
  Recover(process, {});
  EXPECT_THAT(supervision_.launched, ElementsAre(process.instance_id));
}

TEST_F(RecoveryTest, WhatVanishedIsLaunchedAsANewInstanceAndItsEndIsNotInvented) {
  const Process process = Stored(ProcessState::kRunning, DesiredState::kRunning);
  Recover(process, {});
  ASSERT_EQ(supervision_.launched.size(), 1u);
  EXPECT_NE(supervision_.launched.back(), process.instance_id);
  const auto exit = processes_.Find("web")->status.last_exit;
  EXPECT_EQ(exit->reason, ExitReason::kSupervisorLost);
  EXPECT_FALSE(exit->exit_code.has_value());
}

TEST_F(RecoveryTest, AfterARebootTheWishesHold) {
  Recover(Stored(ProcessState::kRunning, DesiredState::kRunning), {}, /*rebooted=*/true);
  ASSERT_EQ(supervision_.launched.size(), 1u);
  EXPECT_EQ(processes_.Find("web")->status.last_exit->reason, ExitReason::kHostRestarted);
}

TEST_F(RecoveryTest, AFailedOneIsTriedAgainAfterARebootOnly) {
  Recover(Stored(ProcessState::kFailed, DesiredState::kRunning), {});
  EXPECT_THAT(supervision_.launched, IsEmpty());
}

TEST_F(RecoveryTest, AStopThatWasAcceptedIsCarriedOut) {
  const Process process = Stored(ProcessState::kRunning, DesiredState::kStopped);
  Recover(process, {process.instance_id});
  InstanceReport snapshot;
  snapshot.instance_id = process.instance_id;
  snapshot.status.state = ProcessState::kRunning;
  processes_.OnConnected(snapshot);
  scheduler_.RunAll();
  EXPECT_THAT(supervision_.stopped, ElementsAre(process.instance_id));
}

TEST_F(RecoveryTest, AStoppedOneStaysStoppedAcrossAReboot) {
  Recover(Stored(ProcessState::kRunning, DesiredState::kStopped), {}, /*rebooted=*/true);
  EXPECT_THAT(supervision_.launched, IsEmpty());
  EXPECT_EQ(processes_.Find("web")->status.state, ProcessState::kStopped);
}

TEST_F(RecoveryTest, AnInstanceOfNobodyIsLeftAloneUntilItIsAtRest) {
  const std::string orphan = "ffffffffffffffffffffffffffffffff";
  Recover(Stored(ProcessState::kStopped, DesiredState::kStopped), {orphan});
  EXPECT_THAT(processes_.Unowned(), ElementsAre(orphan));
  EXPECT_THAT(supervision_.stopped, IsEmpty());
  InstanceReport snapshot;
  snapshot.instance_id = orphan;
  snapshot.status.state = ProcessState::kExited;
  processes_.OnConnected(snapshot);
  EXPECT_THAT(supervision_.released, ElementsAre(orphan));
}

// ---- A copy of a system that may run elsewhere -------------------------------------------------

constexpr char kWhy[] = "it is a copy of /srv/a, which is still there";

class HeldTest : public RecoveryTest {
 protected:
  HeldTest() { processes_.Hold(kWhy); }

  absl::StatusOr<Process> Ask(void (Processes::*call)(const std::string&, const std::string&,
                                                      Processes::Done, std::optional<Origin>)) {
    std::optional<absl::StatusOr<Process>> answer;
    (processes_.*call)(
        "web", "", [&](auto process) { answer = std::move(process); }, std::nullopt);
    scheduler_.RunAll();
    if (!answer) return absl::DeadlineExceededError("no answer came");
    return *answer;
  }
  void ExpectHeld(const absl::Status& status) {
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_EQ(DetailOf(status)->reason, reason::kHeld);
    EXPECT_THAT(std::string(status.message()),
                ::testing::AllOf(::testing::HasSubstr(kWhy), ::testing::HasSubstr("`resume`")));
  }
};

TEST_F(HeldTest, WhatIsWantedToRunIsHeldAndNothingIsLaunchedWhateverItDidElsewhere) {
  for (const bool rebooted : {false, true}) {
    for (const ProcessState state :
         {ProcessState::kPending, ProcessState::kStarting, ProcessState::kRunning,
          ProcessState::kBackoff, ProcessState::kCrashLooping, ProcessState::kUnkillable,
          ProcessState::kHeld}) {
      testing::ManualScheduler scheduler;
      testing::MemoryProcessStore store;
      testing::RecordingSupervision supervision;
      Processes processes(store, supervision, scheduler);
      processes.Hold(kWhy);
      processes.Load({Stored(state, DesiredState::kRunning)}, 7, rebooted);
      scheduler.RunAll();
      processes.OnInstances({});
      scheduler.RunAll();
      EXPECT_THAT(supervision.launched, IsEmpty()) << ToString(state);
      EXPECT_EQ(processes.Find("web")->status.state, ProcessState::kHeld) << ToString(state);
      EXPECT_EQ(processes.Find("web")->desired, DesiredState::kRunning);
      EXPECT_EQ(processes.Find("web")->status.last_exit, std::nullopt) << "it ended nowhere";
      EXPECT_EQ(processes.CountHeld(), 1);
      EXPECT_TRUE(processes.Settled());
    }
  }
}

TEST_F(HeldTest, WhatIsAtRestStaysSo) {
  Recover(Stored(ProcessState::kExited, DesiredState::kCompleted), {});
  EXPECT_EQ(processes_.Find("web")->status.state, ProcessState::kExited);
  EXPECT_EQ(processes_.CountHeld(), 0);
}

TEST_F(HeldTest, NothingIsStartedNorCreatedUntilResume) {
  Recover(Stored(ProcessState::kRunning, DesiredState::kRunning), {});
  ExpectHeld(Ask(&Processes::Start).status());
  ExpectHeld(Ask(&Processes::Restart).status());
  Process other = Stored(ProcessState::kPending, DesiredState::kRunning);
  other.id = "proc_2";
  other.name = "other";
  std::optional<absl::StatusOr<Process>> created;
  processes_.Create(other, [&](auto process) { created = std::move(process); });
  scheduler_.RunAll();
  ASSERT_TRUE(created.has_value());
  ExpectHeld(created->status());
  EXPECT_EQ(processes_.Find("other"), nullptr);
  EXPECT_THAT(supervision_.launched, IsEmpty());
}

TEST_F(HeldTest, ResumeLaunchesWhatIsHeldAndNotWhatWasStoppedMeanwhile) {
  Process kept = Stored(ProcessState::kRunning, DesiredState::kRunning);
  Process dropped = kept;
  dropped.id = "proc_2";
  dropped.name = "mail";
  dropped.instance_id = std::string(32, 'f');
  processes_.Load({kept, dropped}, 7, false);
  processes_.OnInstances({});
  scheduler_.RunAll();
  std::optional<absl::StatusOr<Process>> stopped;
  processes_.Stop("mail", "", [&](auto process) { stopped = std::move(process); });
  scheduler_.RunAll();
  ASSERT_TRUE(stopped.has_value() && stopped->ok());
  EXPECT_EQ((*stopped)->status.state, ProcessState::kStopped);
  processes_.Resume();
  scheduler_.RunAll();
  ASSERT_EQ(supervision_.launched.size(), 1u);
  EXPECT_EQ(supervision_.launched[0], processes_.Find("web")->instance_id);
  EXPECT_NE(supervision_.launched[0], kept.instance_id) << "that one is the original's";
  EXPECT_EQ(processes_.Find("mail")->status.state, ProcessState::kStopped);
  EXPECT_EQ(processes_.CountHeld(), 0);
  EXPECT_THAT(store_.actions, ElementsAre("held", "held", "stop_requested", "stopped", "resumed"));
}

TEST_F(HeldTest, ResumeReachesWhatIsBeingHeldJustThen) {
  store_.hold = true;
  Recover(Stored(ProcessState::kRunning, DesiredState::kRunning), {});
  processes_.Resume();
  store_.hold = false;
  for (const auto& commit : std::exchange(store_.held, {})) commit();
  scheduler_.RunAll();
  EXPECT_EQ(supervision_.launched.size(), 1u);
}

TEST_F(HeldTest, WhatLivesUnderASupervisorOfOursIsNoCopy) {
  const Process process = Stored(ProcessState::kRunning, DesiredState::kRunning);
  Recover(process, {process.instance_id});
  EXPECT_THAT(supervision_.attached, ElementsAre(process.instance_id));
  EXPECT_EQ(processes_.Find("web")->status.state, ProcessState::kRunning);
  EXPECT_TRUE(Ask(&Processes::Start).ok()) << "nothing is to be done";
}

TEST_F(RecoveryTest, WhatWasHeldRunsOnceTheHoldIsGone) {
  Recover(Stored(ProcessState::kHeld, DesiredState::kRunning), {}, /*rebooted=*/true);
  EXPECT_EQ(supervision_.launched.size(), 1u);
}

TEST_F(HeldTest, ARepeatedCallIsToldThatTheCopyIsHeld) {
  Process process = Stored(ProcessState::kRunning, DesiredState::kRunning);
  Recover(process, {});
  std::optional<absl::StatusOr<Process>> repeated;
  processes_.Repeat("proc_1 1 1", [&](auto answer) { repeated = std::move(answer); });
  scheduler_.RunAll();
  ASSERT_TRUE(repeated.has_value());
  ExpectHeld(repeated->status());
}

}  // namespace
}  // namespace grpc_os::core
