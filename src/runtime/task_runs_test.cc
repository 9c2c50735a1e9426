#include "runtime/task_runs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "runtime/supervision_client_harness.h"

namespace grpc_os::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class TaskRunsTest : public SupervisionClientTest {
 protected:
  void Run() {
    core::TaskRunner::Events events;
    events.on_started = [this](int pid) { pids_.push_back(pid); };
    events.on_output = [this](core::TaskStream, std::string bytes) {
      output_.push_back(std::move(bytes));
    };
    events.on_ended = [this](absl::StatusOr<core::TaskRunEnd> end) {
      ends_.push_back(std::move(end));
    };
    client_->tasks().Run(ProcessOf(kInstance), std::move(events));
  }
  FakeSupervisor& RunConnected() {
    StartWithInit();
    Run();
    AwaitLaunches(1);
    FakeSupervisor& supervisor = BeginSupervisor();
    AnswerLaunch(kInstance);
    AwaitHello(supervisor);
    SendHello(supervisor, StatusOf(kInstance));
    return supervisor;
  }
  void SendOutput(FakeSupervisor& supervisor, const std::string& text) {
    internal::SuperviseReply reply;
    reply.mutable_output()->set_data(text);
    supervisor.Send(reply);
  }
  static internal::InstanceStatus Exited(int code) {
    internal::InstanceStatus status = StatusOf(kInstance);
    status.set_state(internal::INSTANCE_EXITED);
    status.set_ever_started(true);
    status.mutable_last_exit()->set_reason(internal::ExitInfo::EXITED);
    status.mutable_last_exit()->set_exit_code(code);
    return status;
  }
  absl::StatusOr<core::TaskRunEnd> AwaitEnd() {
    EXPECT_TRUE(Until([&] { return !ends_.empty(); }));
    Settle();
    EXPECT_EQ(ends_.size(), 1u);
    return ends_.empty() ? absl::UnknownError("it did not end") : ends_[0];
  }

  std::vector<int> pids_;
  std::vector<std::string> output_;
  std::vector<absl::StatusOr<core::TaskRunEnd>> ends_;
};

TEST_F(TaskRunsTest, TellsOfItPieceByPieceAndOfItsEndLast) {
  FakeSupervisor& supervisor = RunConnected();
  EXPECT_TRUE(Launches()[0]->request.launch().task());
  internal::InstanceStatus started = StatusOf(kInstance);
  started.set_ever_started(true);
  SendReport(supervisor, 1, "started", started);
  SendOutput(supervisor, "one");
  SendOutput(supervisor, "two");
  SendReport(supervisor, 2, "completed", Exited(7));
  ASSERT_TRUE(Until([&] { return !output_.empty(); }));
  Settle();
  EXPECT_THAT(pids_, ElementsAre(42));
  EXPECT_THAT(output_, ElementsAre("one"));
  client_->tasks().Continue(kInstance);
  ASSERT_TRUE(Until([&] { return output_.size() == 2; }));
  Settle();
  EXPECT_THAT(ends_, IsEmpty());
  client_->tasks().Continue(kInstance);
  const absl::StatusOr<core::TaskRunEnd> end = AwaitEnd();
  ASSERT_TRUE(end.ok()) << end.status();
  EXPECT_EQ(end->exit.exit_code, 7);
  EXPECT_EQ(supervisor.OfKind(internal::SuperviseRequest::kRelease).size(), 1u);
  EXPECT_THAT(observer_.told, ElementsAre("instances 0")) << "it is no process";
}

TEST_F(TaskRunsTest, AnInitOfBeforeRunsNone) {
  launches_tasks_ = false;
  StartWithInit();
  Run();
  EXPECT_TRUE(absl::IsUnavailable(AwaitEnd().status()));
  EXPECT_THAT(Launches(), IsEmpty());
}

TEST_F(TaskRunsTest, OneBesideASystemProcessHasItsAccountAndCapability) {
  StartWithInit();
  core::Process process = ProcessOf(kInstance);
  process.spec.system = process.spec.low_ports = true;
  client_->tasks().Run(process, {});
  AwaitLaunches(1);
  const internal::Launch& launch = Launches()[0]->request.launch();
  EXPECT_TRUE(launch.task() && launch.system() && launch.low_ports());
}

TEST_F(TaskRunsTest, OneStoppedBeforeInitHeardOfItIsNotLaunched) {
  Run();
  client_->tasks().Stop(kInstance);
  EXPECT_TRUE(absl::IsCancelled(AwaitEnd().status()));
  StartWithInit();
  Settle();
  EXPECT_THAT(Launches(), IsEmpty());
}

TEST_F(TaskRunsTest, OneStoppedWhileItIsLaunchedIsNotExecutedAndEnds) {
  StartWithInit();
  Run();
  AwaitLaunches(1);
  client_->tasks().Stop(kInstance);
  Settle();
  EXPECT_THAT(ends_, IsEmpty()) << "there may be a supervisor, which counts";
  const FakeSupervisor& supervisor = BeginSupervisor();
  AnswerLaunch(kInstance);
  EXPECT_TRUE(absl::IsCancelled(AwaitEnd().status()));
  ASSERT_TRUE(Until([&] { return supervisor.received().size() == 2; }));
  EXPECT_EQ(supervisor.received()[0].request.hello().instance_id(), kInstance);
  EXPECT_NE(supervisor.received()[0].request.hello().role(), "osd") << "which it executes for";
  EXPECT_EQ(supervisor.received()[1].request.stop().cause(), "shutdown");
}

TEST_F(TaskRunsTest, AStopReachesASupervisorThatIsConnectedLater) {
  StartWithInit();
  Run();
  AwaitLaunches(1);
  FakeSupervisor& supervisor = BeginSupervisor();
  AnswerLaunch(kInstance);
  AwaitHello(supervisor);
  client_->tasks().Stop(kInstance);
  SendHello(supervisor, StatusOf(kInstance));
  EXPECT_TRUE(
      Until([&] { return supervisor.OfKind(internal::SuperviseRequest::kStop).size() == 1; }));
}

TEST_F(TaskRunsTest, OneWhoseSupervisorIsGoneIsLost) {
  RunConnected();
  Settle();
  supervisors_.clear();
  SendGone(kInstance, false);
  EXPECT_TRUE(absl::IsUnavailable(AwaitEnd().status()));
}

}  // namespace
}  // namespace grpc_os::runtime
