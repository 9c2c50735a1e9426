// SupervisionClient and the supervisors of its instances.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/supervision_client_harness.h"

namespace grpc_os::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST_F(SupervisionClientTest, TellsTheSnapshotThenReportsInOrder) {
  FakeSupervisor& supervisor = BeginSupervisor();
  StartWithInit({kInstance});
  client_->Attach(kInstance, 3);
  AwaitHello(supervisor);
  EXPECT_EQ(supervisor.received()[0].request.hello().after_seq(), 3);
  internal::InstanceStatus status = StatusOf(kInstance);
  status.set_ready(true);
  status.set_restart_number(5);
  status.set_ever_started(true);
  SendHello(supervisor, status);
  for (int seq = 4; seq < 104; ++seq) SendReport(supervisor, seq, "ready");
  ASSERT_TRUE(Until([&] { return Told("connected"); }));
  EXPECT_EQ(observer_.told[1], "connected");
  ASSERT_TRUE(Until([&] { return Told("ready 103"); }));
  ASSERT_EQ(observer_.told.size(), 102u);
  for (int seq = 4; seq < 104; ++seq) {
    EXPECT_EQ(observer_.told[seq - 2], absl::StrCat("ready ", seq));
  }
  EXPECT_EQ(observer_.last.instance_id, kInstance);
  EXPECT_EQ(observer_.last.process_id, "proc_1");
  EXPECT_EQ(observer_.last.time_ms, 1103);
  EXPECT_EQ(observer_.last.status.state, core::ProcessState::kRunning);
  EXPECT_EQ(observer_.last.status.pid, 42);
}

TEST_F(SupervisionClientTest, OneThatGivesNoSignOfLifeIsSilentUntilItDoes) {
  MakeClient(50);
  FakeSupervisor& supervisor = StartConnected();
  ASSERT_TRUE(Until([this] { return !client_->Silent().empty() && !errors_.empty(); }));
  EXPECT_THAT(client_->Silent(), ElementsAre(kInstance));
  EXPECT_THAT(errors_, ElementsAre(HasSubstr("does not answer")));
  const auto pings = supervisor.OfKind(internal::SuperviseRequest::kAckSeq);
  ASSERT_EQ(pings.size(), 1u) << "it is not asked again meanwhile";
  internal::SuperviseReply reply;
  reply.mutable_result()->set_call_id(pings[0]->request.call_id());
  supervisor.Send(reply);
  ASSERT_TRUE(Until([this] { return client_->Silent().empty(); }));
  ASSERT_TRUE(Until([&] {
    return supervisor.OfKind(internal::SuperviseRequest::kAckSeq).size() > 1;
  })) << "and then it is";
}

TEST_F(SupervisionClientTest, ThePresentStatusIsToldBesideTheReportsAndChangesNothingOfThem) {
  FakeSupervisor& supervisor = StartConnected();
  SendReport(supervisor, 1, "started");
  internal::SuperviseReply reply;
  *reply.mutable_present() = StatusOf(kInstance);
  reply.mutable_present()->set_pid(43);
  reply.mutable_present()->set_seq(9);
  supervisor.Send(reply);
  ASSERT_TRUE(Until([&] { return Told("present 9"); }));
  EXPECT_EQ(observer_.last.instance_id, kInstance);
  EXPECT_EQ(observer_.last.status.pid, 43);
  EXPECT_EQ(observer_.last.seq, 0);
  SendReport(supervisor, 2, "exited");
  ASSERT_TRUE(Until([&] { return Told("exited 2"); }));
  EXPECT_THAT(observer_.told, ElementsAre("started 1", "present 9", "exited 2"));
}

TEST_F(SupervisionClientTest, AnotherIdentityIsNotUsed) {
  FakeSupervisor& supervisor = BeginSupervisor();
  StartWithInit({kInstance});
  client_->Attach(kInstance, 0);
  AwaitHello(supervisor);
  observer_.told.clear();
  SendHello(supervisor, StatusOf(kOther));
  SendReport(supervisor, 1, "started");
  ASSERT_TRUE(Until([&] { return !supervisor.connected(); }));
  EXPECT_THAT(observer_.told, IsEmpty());
  EXPECT_THAT(errors_, ElementsAre(HasSubstr(kOther)));
  std::vector<absl::Status> answers;
  client_->Stop(kInstance, Into(answers));
  ASSERT_TRUE(Until([&] { return !answers.empty(); }));
  EXPECT_EQ(answers[0].code(), absl::StatusCode::kUnavailable);
  // The true one may come yet.
  AwaitHello(supervisor, 2);
  SendHello(supervisor, StatusOf(kInstance));
  EXPECT_TRUE(Until([&] { return Told("connected"); }));
  EXPECT_EQ(supervisor.OfKind(internal::SuperviseRequest::kStop).size(), 0u);
}

TEST_F(SupervisionClientTest, WhoSpeaksBeforeItProvedItsIdentityIsNotUsed) {
  FakeSupervisor& supervisor = BeginSupervisor();
  StartWithInit({kInstance});
  client_->Attach(kInstance, 0);
  AwaitHello(supervisor);
  SendReport(supervisor, 1, "started");
  ASSERT_TRUE(Until([&] { return !supervisor.connected(); }));
  EXPECT_FALSE(Told("started 1"));
}

TEST_F(SupervisionClientTest, ReconnectsAfterTheLastAcknowledgement) {
  FakeSupervisor& supervisor = StartConnected();
  SendReport(supervisor, 1, "started");
  SendReport(supervisor, 2, "ready");
  ASSERT_TRUE(Until([&] { return Told("ready 2"); }));
  client_->Acknowledge(kInstance, 1);
  const auto acks = [&] { return supervisor.OfKind(internal::SuperviseRequest::kAckSeq); };
  ASSERT_TRUE(Until([&] { return acks().size() == 1; }));
  EXPECT_EQ(acks()[0]->request.ack_seq(), 1);
  supervisor.Hangup();
  AwaitHello(supervisor, 2);
  EXPECT_EQ(supervisor.OfKind(internal::SuperviseRequest::kHello)[1]->request.hello().after_seq(),
            1);
  SendHello(supervisor, StatusOf(kInstance));
  SendReport(supervisor, 2, "ready");
  ASSERT_TRUE(Until([&] { return Told("connected") && observer_.told.back() == "ready 2"; }));
}

TEST_F(SupervisionClientTest, AttachingAgainGivesASnapshotAgain) {
  FakeSupervisor& supervisor = StartConnected();
  client_->Attach(kInstance, 9);
  AwaitHello(supervisor, 2);
  EXPECT_EQ(supervisor.OfKind(internal::SuperviseRequest::kHello)[1]->request.hello().after_seq(),
            9);
  SendHello(supervisor, StatusOf(kInstance));
  EXPECT_TRUE(Until([&] { return Told("connected"); }));
}

TEST_F(SupervisionClientTest, ReportsThatGoBackwardsEndTheConnection) {
  FakeSupervisor& supervisor = StartConnected();
  SendReport(supervisor, 2, "ready");
  SendReport(supervisor, 1, "started");
  ASSERT_TRUE(Until([&] { return !supervisor.connected(); }));
  EXPECT_THAT(observer_.told, ElementsAre("ready 2"));
  EXPECT_EQ(errors_.size(), 1u);
}

TEST_F(SupervisionClientTest, CallsAreAnswered) {
  FakeSupervisor& supervisor = StartConnected();
  std::vector<absl::Status> answers;
  std::vector<absl::StatusOr<int>> pids;
  core::Process process = ProcessOf(kInstance);
  process.generation = 4;
  client_->SetSpec(process, Into(answers));
  client_->Restart(kInstance, 6, true, Into(answers));
  client_->Stop(kInstance, Into(answers));
  client_->Signal(kInstance, 1, [&](absl::StatusOr<int> pid) { pids.push_back(std::move(pid)); });
  client_->Signal(kInstance, 2, [&](absl::StatusOr<int> pid) { pids.push_back(std::move(pid)); });
  ASSERT_TRUE(Until([&] { return supervisor.received().size() == 6; }));
  const auto& received = supervisor.received();
  internal::LaunchSpec spec;
  ASSERT_EQ(received[1].request.kind_case(), internal::SuperviseRequest::kSetSpec);
  ASSERT_TRUE(protocol::FromMemfd(received[1].descriptor.get(), spec).ok());
  EXPECT_EQ(spec.generation(), 4);
  EXPECT_EQ(received[2].request.restart().restart_number(), 6);
  EXPECT_TRUE(received[2].request.restart().only_if_waiting());
  EXPECT_EQ(received[3].request.stop().cause(), "requested");
  EXPECT_EQ(received[4].request.signal().signal(), 1);
  SendResult(supervisor, received[5].request.call_id(), "nothing runs");
  SendResult(supervisor, received[4].request.call_id(), "", 77);
  for (int i = 1; i <= 3; ++i) SendResult(supervisor, received[i].request.call_id(), "");
  SendResult(supervisor, 999, "");  // of nobody
  ASSERT_TRUE(Until([&] { return answers.size() == 3 && pids.size() == 2; }));
  for (const absl::Status& answer : answers) EXPECT_TRUE(answer.ok());
  EXPECT_EQ(pids[0].status(), absl::FailedPreconditionError("nothing runs"));
  EXPECT_EQ(*pids[1], 77);
}

TEST_F(SupervisionClientTest, CallsAreUnavailableWhenTheSupervisorIsLost) {
  FakeSupervisor& supervisor = StartConnected();
  std::vector<absl::Status> answers;
  client_->Stop(kInstance, Into(answers));
  client_->Restart(kInstance, 1, false, Into(answers));
  ASSERT_TRUE(Until([&] { return supervisor.received().size() == 3; }));
  EXPECT_THAT(answers, IsEmpty());
  supervisor.Hangup();
  ASSERT_TRUE(Until([&] { return answers.size() == 2; }));
  client_->Stop(kInstance, Into(answers));
  client_->Stop(kOther, Into(answers));
  EXPECT_EQ(answers.size(), 2u) << "never from inside the call";
  ASSERT_TRUE(Until([&] { return answers.size() == 4; }));
  for (const absl::Status& answer : answers) {
    EXPECT_EQ(answer.code(), absl::StatusCode::kUnavailable);
  }
}

TEST_F(SupervisionClientTest, WhatASupervisorDoesNotReadWaitsInOrderAndIsBounded) {
  FakeSupervisor& supervisor = StartConnected();
  supervisor.SetReading(false);
  // More than the socket has room for; those without room become one.
  constexpr int64_t kAcks = 5000;
  for (int64_t i = 1; i <= kAcks; ++i) client_->Acknowledge(kInstance, i);
  std::vector<absl::Status> answers;
  constexpr int kCalls = 1000;
  core::Process process = ProcessOf(kInstance);
  for (int i = 1; i <= kCalls; ++i) {
    process.generation = i;
    client_->SetSpec(process, Into(answers));
  }
  Settle();
  const size_t refused = answers.size();
  EXPECT_GT(refused, 0u);
  EXPECT_LT(refused, static_cast<size_t>(kCalls));
  for (const absl::Status& answer : answers) {
    EXPECT_EQ(answer.code(), absl::StatusCode::kUnavailable);
  }
  supervisor.SetReading(true);
  const auto specs = [&] { return supervisor.OfKind(internal::SuperviseRequest::kSetSpec); };
  const auto acks = [&] { return supervisor.OfKind(internal::SuperviseRequest::kAckSeq); };
  ASSERT_TRUE(Until([&] {
    return specs().size() == kCalls - refused && acks().back()->request.ack_seq() == kAcks;
  }));
  EXPECT_LT(acks().size(), 2000u);
  for (size_t i = 0; i < specs().size(); ++i) {
    internal::LaunchSpec spec;
    ASSERT_TRUE(protocol::FromMemfd(specs()[i]->descriptor.get(), spec).ok());
    EXPECT_EQ(spec.generation(), static_cast<int64_t>(i) + 1);
  }
  EXPECT_EQ(supervisor.connections(), 1);
}

TEST_F(SupervisionClientTest, ReleaseIsToldAfterTheAcknowledgementAndAgainToTheNext) {
  FakeSupervisor& supervisor = StartConnected();
  client_->Acknowledge(kInstance, 5);
  client_->Release(kInstance);
  const auto releases = [&] {
    return supervisor.OfKind(internal::SuperviseRequest::kRelease).size();
  };
  ASSERT_TRUE(Until([&] { return releases() == 1; }));
  EXPECT_EQ(supervisor.received()[1].request.ack_seq(), 5);
  supervisor.Hangup();
  AwaitHello(supervisor, 2);
  SendHello(supervisor, StatusOf(kInstance));
  ASSERT_TRUE(Until([&] { return releases() == 2; }));
}

TEST_F(SupervisionClientTest, GoneInstanceIsToldAndNotSoughtAgain) {
  FakeSupervisor& supervisor = StartConnected();
  std::vector<absl::Status> answers;
  client_->Stop(kInstance, Into(answers));
  ASSERT_TRUE(Until([&] { return supervisor.received().size() == 2; }));
  // Its last words are heard before its end, though the two come on different sockets, this one
  // first.
  SendGone(kInstance, /*relaunching=*/false);
  SendReport(supervisor, 1, "stopped");
  ASSERT_TRUE(Until([&] { return Told("gone a") && !answers.empty(); }));
  EXPECT_THAT(observer_.told, ElementsAre("stopped 1", "gone a"));
  EXPECT_EQ(answers[0].code(), absl::StatusCode::kUnavailable);
  ASSERT_TRUE(Until([&] { return !supervisor.connected(); }));
  const int64_t until = EventLoop::NowMs() + 30;
  while (EventLoop::NowMs() < until) loop_.RunOnce(10);
  EXPECT_EQ(supervisor.connections(), 1);
}

TEST_F(SupervisionClientTest, RelaunchedInstanceIsConnectedAgain) {
  StartConnected();
  supervisors_.erase(kInstance);
  Settle();
  SendGone(kInstance, /*relaunching=*/true);
  FakeSupervisor& next = BeginSupervisor();
  AwaitHello(next);
  SendHello(next, StatusOf(kInstance));
  ASSERT_TRUE(Until([&] { return Told("connected"); }));
  EXPECT_THAT(observer_.told, ElementsAre("connected"));
}

TEST_F(SupervisionClientTest, RelaunchingLeavesALivingConnectionAlone) {
  FakeSupervisor& supervisor = StartConnected();
  SendGone(kInstance, /*relaunching=*/true);
  SendReport(supervisor, 1, "started");
  ASSERT_TRUE(Until([&] { return Told("started 1"); }));
  Settle();
  EXPECT_EQ(supervisor.connections(), 1);
}

TEST_F(SupervisionClientTest, InstanceThatTheNextInitDoesNotHaveIsGone) {
  StartConnected();
  init_.reset();
  supervisors_.erase(kInstance);
  Settle();
  EXPECT_THAT(observer_.told, IsEmpty());
  BeginInit();
  AwaitInitHello();
  SendInstances({});
  ASSERT_TRUE(Until([&] { return Told("gone a"); }));
  EXPECT_THAT(observer_.told, ElementsAre("instances 0", "gone a"));
}

}  // namespace
}  // namespace grpc_os::runtime
