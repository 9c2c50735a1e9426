// Processes: ports, and restarts that need a new instance.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <set>

#include "base/error_detail.h"
#include "core/error_reason.h"
#include "core/process/processes.h"
#include "testing/manual_scheduler.h"
#include "testing/memory_process_store.h"
#include "testing/recording_supervision.h"

namespace grpc_os::core {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ProcessesPortsTest : public ::testing::Test {
 protected:
  ProcessesPortsTest() {
    processes_.OnInstances({});
    processes_.SetPorts({20'000, 20'003}, [this](int port) { return !listening_.contains(port); });
  }

  struct Answer {
    std::optional<absl::StatusOr<Process>> value;
    bool ok() const { return value && value->ok(); }
    std::string reason() const {
      return value && !value->ok() ? DetailOf(value->status())->reason : "";
    }
    std::string message() const {
      return value && !value->ok() ? std::string(value->status().message()) : "";
    }
  };
  Processes::Done Into(Answer& answer) {
    return [&answer](absl::StatusOr<Process> process) { answer.value = std::move(process); };
  }
  static Process WithPort(const std::string& name, int port) {
    Process process;
    process.name = name;
    process.spec.command = "true";
    process.spec.port = port;
    return process;
  }
  static Process WithAnyPort(const std::string& name) {
    Process process = WithPort(name, 0);
    process.spec.auto_port = true;
    return process;
  }
  void Report(const std::string& name, const std::string& action, ProcessState state) {
    const Process process = *processes_.Find(name);
    InstanceReport report;
    report.instance_id = process.instance_id;
    report.seq = process.instance_seq + 1;
    report.action = action;
    report.status.state = state;
    report.status.observed_generation = report.status.running_generation = process.generation;
    report.restart_number = restart_number_;
    report.ever_started = true;
    processes_.OnReport(report);
    scheduler_.RunAll();
  }
  // Its instance was launched, and it runs.
  void Runs(const std::string& name) {
    supervision_.launch_done(absl::OkStatus());
    InstanceReport snapshot;
    snapshot.instance_id = processes_.Find(name)->instance_id;
    snapshot.status.state = ProcessState::kStarting;
    snapshot.status.observed_generation = processes_.Find(name)->generation;
    processes_.OnConnected(snapshot);
    scheduler_.RunAll();
    Report(name, "started", ProcessState::kRunning);
  }
  Answer Create(const Process& process) {
    Answer& answer = answers_.emplace_back();
    processes_.Create(process, Into(answer));
    scheduler_.RunAll();
    if (processes_.Find(process.name) != nullptr && !answer.value) Runs(process.name);
    return answer;
  }
  Answer Start(const std::string& name) {
    Answer& answer = answers_.emplace_back();
    processes_.Start(name, "", Into(answer));
    scheduler_.RunAll();
    return answer;
  }
  Answer Update(const std::string& name, const std::function<void(ProcessSpec&)>& change) {
    Answer& answer = answers_.emplace_back();
    processes_.Update(
        name, "",
        [change](ProcessSpec& spec) {
          change(spec);
          return absl::OkStatus();
        },
        Into(answer));
    scheduler_.RunAll();
    return answer;
  }
  void Stop(const std::string& name) {
    Answer& answer = answers_.emplace_back();
    processes_.Stop(name, "", Into(answer));
    scheduler_.RunAll();
    Report(name, "stopped", ProcessState::kStopped);
  }
  int PortOfProcess(const std::string& name) const { return PortOf(processes_.Find(name)->spec); }

  std::set<int> listening_;     // strangers
  std::deque<Answer> answers_;  // which may come later
  testing::ManualScheduler scheduler_;
  testing::MemoryProcessStore store_;
  testing::RecordingSupervision supervision_;
  Processes processes_{store_, supervision_, scheduler_};
  int64_t restart_number_ = 0;
};

TEST_F(ProcessesPortsTest, OfTwoThatWantOnePortTheSecondIsRefusedAndTheFirstNamed) {
  ASSERT_TRUE(Create(WithPort("web", 8080)).ok());
  Process second = WithPort("shop", 0);
  second.spec.environment["PORT"] = "8080";
  const Answer refused = Create(second);
  EXPECT_EQ(refused.reason(), reason::kPortTaken);
  EXPECT_THAT(refused.message(), HasSubstr("that of 'web'"));
  EXPECT_EQ(processes_.Find("shop"), nullptr) << "nothing of it stays behind";
}

TEST_F(ProcessesPortsTest, OneThatTheCallerMayNotReadIsNotNamed) {
  ASSERT_TRUE(Create(WithPort("hidden", 8080)).ok());
  Answer answer;
  Origin origin;
  origin.permit = [](std::string_view name) {
    return name == "hidden" ? absl::PermissionDeniedError("no") : absl::OkStatus();
  };
  processes_.Create(WithPort("web", 8080), Into(answer), origin);
  scheduler_.RunAll();
  EXPECT_EQ(answer.reason(), reason::kPortTaken);
  EXPECT_THAT(answer.message(), Not(HasSubstr("hidden")));
}

TEST_F(ProcessesPortsTest, AStoppedOneLeavesItsFixedPortToOthersUntilItStarts) {
  ASSERT_TRUE(Create(WithPort("web", 8080)).ok());
  Stop("web");
  ASSERT_TRUE(Create(WithPort("shop", 8080)).ok());
  EXPECT_EQ(Start("web").reason(), reason::kPortTaken);
  EXPECT_EQ(processes_.Find("web")->desired, DesiredState::kStopped) << "a refusal changes nothing";
  EXPECT_TRUE(Start("shop").ok()) << "it has it";
}

TEST_F(ProcessesPortsTest, TwoStartsAtOnceDoNotBothGetIt) {
  ASSERT_TRUE(Create(WithPort("a", 8080)).ok());
  Stop("a");
  ASSERT_TRUE(Create(WithPort("b", 8080)).ok());
  Stop("b");
  Answer first, second;
  store_.hold = true;
  processes_.Start("a", "", Into(first));
  processes_.Start("b", "", Into(second));
  scheduler_.RunAll();
  store_.hold = false;
  for (const auto& commit : std::exchange(store_.held, {})) commit();
  scheduler_.RunAll();
  EXPECT_EQ(first.reason() + second.reason(), reason::kPortTaken);
}

TEST_F(ProcessesPortsTest, AnUpdateOfWhatRunsIsRefusedForItsNewPortAlone) {
  ASSERT_TRUE(Create(WithPort("web", 8080)).ok());
  ASSERT_TRUE(Create(WithPort("shop", 8081)).ok());
  EXPECT_EQ(Update("shop", [](ProcessSpec& spec) { spec.port = 8080; }).reason(),
            reason::kPortTaken);
  EXPECT_TRUE(Update("shop", [](ProcessSpec& spec) { spec.environment["A"] = "b"; }).ok());
  EXPECT_TRUE(Update("shop", [](ProcessSpec& spec) { spec.port = 8082; }).ok());
}

TEST_F(ProcessesPortsTest, AnAutomaticPortIsOneThatNobodyHas) {
  listening_ = {20'001};
  ASSERT_TRUE(Create(WithPort("fixed", 20'002)).ok());
  std::set<int> ports;
  for (const char* name : {"a", "b"}) {
    ASSERT_TRUE(Create(WithAnyPort(name)).ok());
    ports.insert(PortOfProcess(name));
  }
  EXPECT_THAT(ports, ElementsAre(20'000, 20'003));
  EXPECT_EQ(Create(WithAnyPort("c")).reason(), reason::kNoFreePort);
  EXPECT_EQ(processes_.Find("c"), nullptr);
}

TEST_F(ProcessesPortsTest, AnAutomaticPortIsKeptWhileItIsFree) {
  ASSERT_TRUE(Create(WithAnyPort("web")).ok());
  const int port = PortOfProcess("web");
  const int64_t generation = processes_.Find("web")->generation;
  Stop("web");
  ASSERT_TRUE(Create(WithAnyPort("other")).ok());
  EXPECT_NE(PortOfProcess("other"), port) << "it is left to the one that is stopped";
  Start("web");
  EXPECT_EQ(PortOfProcess("web"), port);
  EXPECT_EQ(processes_.Find("web")->generation, generation);
  Runs("web");
  Stop("web");
  listening_ = {port};
  Start("web");
  EXPECT_NE(PortOfProcess("web"), port);
  EXPECT_EQ(processes_.Find("web")->generation, generation + 1) << "or it would not be stored";
}

TEST_F(ProcessesPortsTest, AnUpdateLeavesAnAutomaticPortAndTurnsItOnAtOnce) {
  ASSERT_TRUE(Create(WithAnyPort("web")).ok());
  const int port = PortOfProcess("web");
  const int64_t generation = processes_.Find("web")->generation;
  EXPECT_TRUE(Update("web", [](ProcessSpec& spec) { spec.port = 0; }).ok());
  EXPECT_EQ(PortOfProcess("web"), port);
  EXPECT_EQ(processes_.Find("web")->generation, generation) << "nothing changed";
  ASSERT_TRUE(Create(WithPort("shop", 0)).ok());
  EXPECT_TRUE(Update("shop", [](ProcessSpec& spec) { spec.auto_port = true; }).ok());
  EXPECT_GE(PortOfProcess("shop"), 20'000);
  EXPECT_NE(PortOfProcess("shop"), port);
}

// While it runs nobody could tell whether a stranger has taken its port meanwhile.
TEST_F(ProcessesPortsTest, ARestartWithAnAutomaticPortIsANewInstance) {
  ASSERT_TRUE(Create(WithAnyPort("web")).ok());
  const std::string instance = processes_.Find("web")->instance_id;
  Answer answer;
  processes_.Restart("web", "", Into(answer));
  scheduler_.RunAll();
  EXPECT_THAT(supervision_.restarts, IsEmpty());
  EXPECT_THAT(supervision_.stopped, ElementsAre(instance));
  const int port = PortOfProcess("web");
  listening_ = {port};
  Report("web", "stopped", ProcessState::kStopped);
  EXPECT_NE(processes_.Find("web")->instance_id, instance);
  EXPECT_NE(PortOfProcess("web"), port);
  EXPECT_EQ(processes_.Find("web")->desired, DesiredState::kRunning);
  Runs("web");
  EXPECT_TRUE(answer.ok());
}

TEST_F(ProcessesPortsTest, WhatFailsBecauseItsAutomaticPortWasTakenGetsAnotherByItself) {
  ASSERT_TRUE(Create(WithAnyPort("web")).ok());
  const std::string instance = processes_.Find("web")->instance_id;
  Report("web", "backoff", ProcessState::kBackoff);
  EXPECT_THAT(supervision_.stopped, IsEmpty()) << "the port is free: it fails for something else";
  const int port = PortOfProcess("web");
  listening_ = {port};
  Report("web", "backoff", ProcessState::kBackoff);
  EXPECT_THAT(supervision_.stopped, ElementsAre(instance));
  Report("web", "stopped", ProcessState::kStopped);
  EXPECT_NE(PortOfProcess("web"), port);
  Runs("web");
  EXPECT_EQ(processes_.Find("web")->status.state, ProcessState::kRunning);
}

TEST_F(ProcessesPortsTest, ARestartThatAnOldSupervisorCannotDoIsANewInstance) {
  ASSERT_TRUE(Create(WithPort("web", 8080)).ok());
  const std::string instance = processes_.Find("web")->instance_id;
  supervision_.spec_answer =
      absl::FailedPreconditionError("this supervisor is older than the spec");
  ASSERT_TRUE(Update("web", [](ProcessSpec& spec) { spec.port = 8081; }).ok());
  EXPECT_THAT(supervision_.specs, ElementsAre(2));
  EXPECT_THAT(supervision_.stopped, IsEmpty()) << "what runs is left alone until it is restarted";
  Answer answer;
  processes_.Restart("web", "", Into(answer));
  scheduler_.RunAll();
  EXPECT_THAT(supervision_.restarts, IsEmpty());
  EXPECT_THAT(supervision_.stopped, ElementsAre(instance));
  Report("web", "stopped", ProcessState::kStopped);
  EXPECT_NE(processes_.Find("web")->instance_id, instance);
  supervision_.spec_answer = absl::OkStatus();
  Runs("web");
  EXPECT_TRUE(answer.ok());
}

TEST_F(ProcessesPortsTest, AfterARebootAnAutomaticPortIsAskedForAnew) {
  Process stored = WithAnyPort("web");
  stored.id = "proc_web";
  stored.spec.port = 20'001;
  stored.revision = 1;
  stored.provisional = false;
  stored.status.state = ProcessState::kStopped;
  listening_ = {20'001};
  processes_.Load({stored}, 1, /*rebooted=*/true);
  scheduler_.RunAll();
  EXPECT_NE(PortOfProcess("web"), 20'001);
}

}  // namespace
}  // namespace grpc_os::core
