// core::Processes, and the requests that processes have: stops and restarts wait for them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/process/process_traffic.h"
#include "core/process/processes.h"
#include "testing/manual_scheduler.h"
#include "testing/memory_process_store.h"
#include "testing/recording_supervision.h"

namespace grpc_os::core {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class FakeTraffic final : public ProcessTraffic {
 public:
  bool Drain(const Process& process, std::function<void()> done) override {
    drained.push_back(process.status.start_time_ms);
    if (!any) return false;
    waiting.push_back(std::move(done));
    return true;
  }
  void EndDrain(const Process& process) override { ended.push_back(process.status.start_time_ms); }
  void OnChanged(const Process& process, bool there) override {
    is_there = there;
    newest[process.name] = process;
  }
  // The requests of the last drain are over.
  void Finish() { std::exchange(waiting.back(), nullptr)(); }

  bool any = true;                      // requests
  std::vector<int64_t> drained, ended;  // executions
  std::vector<std::function<void()>> waiting;
  std::map<std::string, Process> newest;
  bool is_there = false;
};

class ProcessesTrafficTest : public ::testing::Test {
 protected:
  ProcessesTrafficTest() {
    Restart({});
    processes_->OnInstances({});
    Process web;
    web.name = "web";
    web.spec.command = "serve";
    processes_->Create(web, [](const absl::StatusOr<Process>&) {});
    scheduler_.RunAll();
    supervision_.launch_done(absl::OkStatus());
    Connect();
    Report("started", ProcessState::kRunning, 1'000);
    EXPECT_EQ(Now().status.state, ProcessState::kRunning);
  }
  // As a new daemon.
  void Restart(std::vector<Process> stored) {
    processes_ = std::make_unique<Processes>(store_, supervision_, scheduler_);
    processes_->SetTraffic(traffic_);
    processes_->Load(std::move(stored), store_.revision, /*rebooted=*/false);
  }
  const Process& Now() const { return *processes_->Find("web"); }
  void Connect() {
    InstanceReport snapshot;
    snapshot.instance_id = Now().instance_id;
    snapshot.status = Now().status;
    if (snapshot.status.state == ProcessState::kPending)
      snapshot.status.state = ProcessState::kStarting;
    snapshot.status.observed_generation = Now().generation;
    snapshot.restart_number = supervisor_restart_number_;
    processes_->OnConnected(snapshot);
    scheduler_.RunAll();
  }
  void Report(const std::string& action, ProcessState state, int64_t start_ms) {
    InstanceReport report;
    report.instance_id = Now().instance_id;
    report.seq = Now().instance_seq + 1;
    report.action = action;
    report.status.state = state;
    report.status.start_time_ms = start_ms;
    report.status.ready = state == ProcessState::kRunning;
    report.status.observed_generation = report.status.running_generation = Now().generation;
    report.restart_number = supervisor_restart_number_;
    report.ever_started = true;
    processes_->OnReport(report);
    scheduler_.RunAll();
  }
  // Its supervisor has heard of the last start or restart.
  void Heard() { supervisor_restart_number_ = Now().restart_number; }
  void Stop() {
    processes_->Stop("web", "", [](const absl::StatusOr<Process>&) {});
    scheduler_.RunAll();
  }
  void Start() {
    processes_->Start("web", "", [](const absl::StatusOr<Process>&) {});
    scheduler_.RunAll();
  }
  void RestartWeb() {
    processes_->Restart("web", "", [](const absl::StatusOr<Process>&) {});
    scheduler_.RunAll();
  }
  void Finish() {
    traffic_.Finish();
    scheduler_.RunAll();
  }

  testing::ManualScheduler scheduler_;
  testing::MemoryProcessStore store_;
  testing::RecordingSupervision supervision_;
  FakeTraffic traffic_;
  std::unique_ptr<Processes> processes_;
  int64_t supervisor_restart_number_ = 0;
};

TEST_F(ProcessesTrafficTest, AStopIsSentOnceItsRequestsAreOver) {
  Stop();
  EXPECT_THAT(traffic_.drained, ElementsAre(1'000));
  EXPECT_EQ(Now().desired, DesiredState::kStopped) << "it is committed before";
  scheduler_.Advance(3'600'000);
  EXPECT_THAT(supervision_.stopped, IsEmpty());
  Finish();
  EXPECT_THAT(supervision_.stopped, SizeIs(1));
  EXPECT_THAT(traffic_.drained, SizeIs(1));
}

TEST_F(ProcessesTrafficTest, AProcessWithoutRequestsIsStoppedAtOnce) {
  traffic_.any = false;
  Stop();
  EXPECT_THAT(supervision_.stopped, SizeIs(1));
}

TEST_F(ProcessesTrafficTest, WhatDoesNotRunIsNotDrained) {
  Report("exited", ProcessState::kBackoff, 1'000);
  Stop();
  EXPECT_THAT(traffic_.drained, IsEmpty());
  EXPECT_THAT(supervision_.stopped, SizeIs(1));
}

TEST_F(ProcessesTrafficTest, WhatIsReportedDuringADrainDrainsNothingAnew) {
  Stop();
  Report("message", ProcessState::kRunning, 1'000);
  EXPECT_THAT(traffic_.drained, SizeIs(1));
  EXPECT_THAT(supervision_.stopped, IsEmpty());
  Finish();
  EXPECT_THAT(supervision_.stopped, SizeIs(1));
}

TEST_F(ProcessesTrafficTest, AProcessThatEndsDuringItsDrainIsNotWaitedFor) {
  Stop();
  Report("exited", ProcessState::kBackoff, 1'000);
  EXPECT_THAT(supervision_.stopped, SizeIs(1));
  Finish();
  EXPECT_THAT(supervision_.stopped, SizeIs(1));
}

TEST_F(ProcessesTrafficTest, ADrainOfAnotherExecutionStopsNothing) {
  Stop();
  Report("started", ProcessState::kRunning, 2'000);  // it crashed, and is up again
  EXPECT_THAT(traffic_.drained, ElementsAre(1'000, 2'000));
  std::exchange(traffic_.waiting.front(), nullptr)();
  scheduler_.RunAll();
  EXPECT_THAT(supervision_.stopped, IsEmpty());
  Finish();
  EXPECT_THAT(supervision_.stopped, SizeIs(1));
}

TEST_F(ProcessesTrafficTest, ARestartIsSentOnceItsRequestsAreOver) {
  RestartWeb();
  EXPECT_THAT(traffic_.drained, ElementsAre(1'000));
  EXPECT_THAT(supervision_.restarts, IsEmpty());
  Finish();
  EXPECT_THAT(supervision_.restarts, ElementsAre(Now().restart_number));
  EXPECT_THAT(supervision_.only_if_waiting, ElementsAre(false));
  Heard();
  Report("restarting", ProcessState::kStopping, 1'000);
  Report("started", ProcessState::kRunning, 2'000);
  EXPECT_THAT(traffic_.ended, IsEmpty()) << "the drain was of an execution that is no more";
  RestartWeb();
  EXPECT_THAT(traffic_.drained, ElementsAre(1'000, 2'000));
}

TEST_F(ProcessesTrafficTest, SoIsANewInstanceThatADeployBegins) {
  supervision_.spec_answer = absl::FailedPreconditionError("another deploy");
  processes_->Deploy(
      Now().id,
      [](ProcessSpec& spec) {
        spec.deployed = 2;
        return absl::OkStatus();
      },
      false, [](const absl::StatusOr<Process>&) {});
  scheduler_.RunAll();
  EXPECT_THAT(traffic_.drained, ElementsAre(1'000));
  EXPECT_THAT(supervision_.stopped, IsEmpty());
  Finish();
  EXPECT_THAT(supervision_.stopped, SizeIs(1));
  EXPECT_EQ(Now().desired, DesiredState::kRunning);
  Report("stopped", ProcessState::kStopped, 1'000);
  EXPECT_THAT(supervision_.launched, SizeIs(2));
}

TEST_F(ProcessesTrafficTest, AStartDuringADrainEndsItAndStopsNothing) {
  Stop();
  Start();
  Heard();
  Report("message", ProcessState::kRunning, 1'000);
  EXPECT_THAT(traffic_.ended, ElementsAre(1'000));
  Finish();
  EXPECT_THAT(supervision_.stopped, IsEmpty());
  Stop();
  EXPECT_THAT(traffic_.drained, ElementsAre(1'000, 1'000)) << "it is drained anew";
  Finish();
  EXPECT_THAT(supervision_.stopped, SizeIs(1));
}

TEST_F(ProcessesTrafficTest, ARestartDuringADrainGoesOnWithIt) {
  Stop();
  RestartWeb();
  EXPECT_THAT(traffic_.drained, SizeIs(1));
  EXPECT_THAT(traffic_.ended, IsEmpty());
  Finish();
  EXPECT_THAT(supervision_.stopped, IsEmpty());
  EXPECT_THAT(supervision_.restarts, SizeIs(1));
}

TEST_F(ProcessesTrafficTest, AForcedDeletionWaitsToo) {
  absl::StatusOr<int64_t> deleted = absl::UnknownError("no answer");
  processes_->Delete("web", "", true,
                     [&](absl::StatusOr<int64_t> revision) { deleted = std::move(revision); });
  scheduler_.RunAll();
  EXPECT_THAT(supervision_.stopped, IsEmpty());
  Finish();
  Report("stopped", ProcessState::kStopped, 1'000);
  EXPECT_TRUE(deleted.ok()) << deleted.status();
  EXPECT_FALSE(traffic_.is_there);
}

TEST_F(ProcessesTrafficTest, ADaemonThatDiesDuringADrainLeavesItToTheNext) {
  Stop();
  const Process stored = store_.rows.begin()->second;
  const auto late = traffic_.waiting.back();
  Restart({stored});
  processes_->OnInstances({stored.instance_id});
  scheduler_.RunAll();
  EXPECT_THAT(supervision_.stopped, IsEmpty());
  Connect();
  EXPECT_THAT(traffic_.drained, ElementsAre(1'000, 1'000));
  late();  // of the daemon that is gone
  scheduler_.RunAll();
  EXPECT_THAT(supervision_.stopped, IsEmpty());
  Finish();
  EXPECT_THAT(supervision_.stopped, SizeIs(1));
}

TEST_F(ProcessesTrafficTest, ASupervisorThatComesBackIsNotDrainedTwice) {
  Stop();
  Finish();
  ASSERT_THAT(supervision_.stopped, SizeIs(1));
  Connect();  // the connection was lost, and perhaps the stop with it
  EXPECT_THAT(traffic_.drained, SizeIs(1));
  EXPECT_THAT(supervision_.stopped, SizeIs(2));
}

TEST_F(ProcessesTrafficTest, ItIsToldOfTheNewestStoredOrNot) {
  EXPECT_EQ(traffic_.newest.at("web").status.start_time_ms, 1'000);
  store_.failure = absl::UnavailableError("disk full");
  Report("exited", ProcessState::kBackoff, 1'000);
  EXPECT_EQ(traffic_.newest.at("web").status.state, ProcessState::kBackoff);
  store_.failure = absl::OkStatus();
  scheduler_.Advance(10'000);
  EXPECT_EQ(Now().status.state, ProcessState::kBackoff);
  EXPECT_EQ(traffic_.newest.at("web").status.state, ProcessState::kBackoff);
}

}  // namespace
}  // namespace grpc_os::core
