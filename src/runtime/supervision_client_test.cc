// Init and launches, what is told in words, usage and remains.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/supervision_client_harness.h"

namespace grpc_os::runtime {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

// ---- init -------------------------------------------------------------------------------------

TEST_F(SupervisionClientTest, LearnsFromInitInParts) {
  shielded_ = true;
  BeginInit();
  client_->Start(observer_);
  AwaitInitHello();
  EXPECT_EQ(init_->received()[0].request.hello().role(), "osd");
  SendInstances({kInstance}, /*more=*/true);
  Settle();
  EXPECT_THAT(observer_.told, IsEmpty());
  SendInstances({kOther});
  ASSERT_TRUE(Until([&] { return !observer_.told.empty(); }));
  EXPECT_THAT(observer_.instances, ElementsAre(kInstance, kOther));
  EXPECT_THAT(inits_, ElementsAre("v2 shielded"));
}

TEST_F(SupervisionClientTest, ConnectsToAnInitThatComesLaterAndToTheNextOne) {
  client_->Start(observer_);
  Settle();
  client_->ReportReady();
  BeginInit();
  AwaitInitHello();
  EXPECT_THAT(init_->OfKind(internal::InitRequest::kDaemonReady), IsEmpty());
  SendInstances({});
  const auto ready = [&] { return init_->OfKind(internal::InitRequest::kDaemonReady).size(); };
  EXPECT_TRUE(Until([&] { return ready() == 1; }));
  init_.reset();
  Settle();
  BeginInit();
  AwaitInitHello();
  SendInstances({kOther});
  EXPECT_TRUE(Until([&] { return ready() == 1; }));
  EXPECT_THAT(observer_.told, ElementsAre("instances 0", "instances 1"));
  EXPECT_EQ(inits_.size(), 2u);
  EXPECT_THAT(errors_, IsEmpty());
}

TEST_F(SupervisionClientTest, PassesOnShutdown) {
  StartWithInit();
  internal::InitReply reply;
  reply.mutable_shutdown();
  init_->Send(reply);
  EXPECT_TRUE(Until([&] { return shutdowns_ == 1; }));
}

// ---- launch -----------------------------------------------------------------------------------

TEST_F(SupervisionClientTest, LaunchesAndConnects) {
  StartWithInit();
  std::vector<absl::Status> answers;
  core::Process process = ProcessOf(kInstance);
  process.spec.account = "www";
  process.instance_seq = 7;
  client_->Launch(process, Into(answers));
  AwaitLaunches(1);
  const internal::Launch& launch = Launches()[0]->request.launch();
  EXPECT_EQ(launch.instance_id(), kInstance);
  EXPECT_EQ(launch.process_id(), "proc_1");
  EXPECT_EQ(launch.process_name(), "web");
  EXPECT_EQ(launch.account(), "www");
  internal::LaunchSpec spec;
  ASSERT_TRUE(protocol::FromMemfd(Launches()[0]->descriptor.get(), spec).ok());
  EXPECT_THAT(spec.argv(), ElementsAre("server", "--port", "80"));
  EXPECT_THAT(answers, IsEmpty());

  FakeSupervisor& supervisor = BeginSupervisor();
  AnswerLaunch(kInstance);
  AwaitHello(supervisor);
  EXPECT_THAT(answers, ElementsAre(absl::OkStatus()));
  const internal::SuperviseHello& hello = supervisor.received()[0].request.hello();
  EXPECT_EQ(hello.instance_id(), kInstance);
  EXPECT_EQ(hello.role(), "osd");
  EXPECT_EQ(hello.after_seq(), 7);
}

TEST_F(SupervisionClientTest, LaunchWaitsForInit) {
  std::vector<absl::Status> answers;
  client_->Launch(ProcessOf(kInstance), Into(answers));
  client_->Start(observer_);
  client_->Launch(ProcessOf(kOther), Into(answers));
  Settle();
  BeginInit();
  AwaitInitHello();
  Settle();
  EXPECT_THAT(Launches(), IsEmpty()) << "before init has told what it has";
  SendInstances({});
  AwaitLaunches(2);
  EXPECT_THAT(answers, IsEmpty());
}

TEST_F(SupervisionClientTest, LaunchIsAskedAgainUntilItIsAnswered) {
  StartWithInit();
  std::vector<absl::Status> answers;
  client_->Launch(ProcessOf(kInstance), Into(answers));
  client_->Launch(ProcessOf(kOther), Into(answers));
  AwaitLaunches(2);
  AnswerLaunch(kOther);
  ASSERT_TRUE(Until([&] { return answers.size() == 1; }));
  init_->Hangup();
  AwaitInitHello(2);
  SendInstances({kOther});
  AwaitLaunches(3);
  EXPECT_EQ(Launches()[2]->request.launch().instance_id(), kInstance);
  AnswerLaunch(kInstance);
  ASSERT_TRUE(Until([&] { return answers.size() == 2; }));
  init_->Hangup();
  AwaitInitHello(3);
  SendInstances({kInstance, kOther});
  Settle();
  EXPECT_EQ(Launches().size(), 3u);
  EXPECT_THAT(answers, ElementsAre(absl::OkStatus(), absl::OkStatus()));
}

TEST_F(SupervisionClientTest, AccountIsDescribedByWhoKnowsIt) {
  const auto environment = [](const FakeInit::Received& launch) {
    internal::LaunchSpec spec;
    EXPECT_TRUE(protocol::FromMemfd(launch.descriptor.get(), spec).ok());
    return std::vector<std::string>(spec.environment().begin(), spec.environment().end());
  };
  StartWithInit();
  std::vector<absl::Status> answers;
  core::Process other_account = ProcessOf(kOther);
  other_account.spec.account = "www";
  client_->Launch(ProcessOf(kInstance), Into(answers));
  client_->Launch(other_account, Into(answers));
  AwaitLaunches(2);
  EXPECT_THAT(environment(*Launches()[0]), Contains(StartsWith("HOME=/")));
  EXPECT_THAT(environment(*Launches()[1]), Not(Contains(StartsWith("HOME="))));
  // With --user it is never this program's own. Known when it is asked, not when it is wished.
  init_->Hangup();
  shielded_ = true;
  AwaitInitHello(2);
  SendInstances({});
  AwaitLaunches(4);
  EXPECT_THAT(environment(*Launches()[2]), Not(Contains(StartsWith("HOME="))));
}

TEST_F(SupervisionClientTest, LaunchErrors) {
  StartWithInit();
  std::vector<absl::Status> answers;
  client_->Launch(ProcessOf(kInstance), Into(answers));
  client_->Launch(ProcessOf(kOther), Into(answers));
  AwaitLaunches(2);
  AnswerLaunch(kInstance, "the account nobody is not in the list", /*account=*/true);
  AnswerLaunch(kOther, "cannot fork");
  ASSERT_TRUE(Until([&] { return answers.size() == 2; }));
  EXPECT_THAT(answers,
              ElementsAre(absl::FailedPreconditionError("the account nobody is not in the list"),
                          absl::InternalError("cannot fork")));
  answers.clear();
  core::Process process = ProcessOf("../../etc");
  client_->Launch(process, Into(answers));
  process = ProcessOf(kInstance);
  process.spec.command = "unbalanced '";
  client_->Launch(process, Into(answers));
  EXPECT_THAT(answers, IsEmpty()) << "never from inside the call";
  ASSERT_TRUE(Until([&] { return answers.size() == 2; }));
  EXPECT_EQ(answers[0].code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(answers[1].code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Launches().size(), 2u);
}

TEST_F(SupervisionClientTest, AThousandLaunchesAreAskedForAFewAtATime) {
  StartWithInit();
  std::vector<absl::Status> answers;
  std::vector<std::string> ids;
  for (int i = 0; i < 1000; ++i) {
    ids.push_back(absl::StrCat(std::string(28, '0'), 1000 + i));
    client_->Launch(ProcessOf(ids.back()), Into(answers));
  }
  ASSERT_TRUE(Until([&] { return Launches().size() >= 64; }));
  Settle();
  EXPECT_EQ(Launches().size(), 64u);
  size_t answered = 0;
  ASSERT_TRUE(Until([&] {
    for (; answered < Launches().size(); ++answered) {
      EXPECT_EQ(Launches()[answered]->request.launch().instance_id(), ids[answered]);
      AnswerLaunch(ids[answered]);
    }
    return answers.size() == 1000;
  }));
}

// ---- what is told -----------------------------------------------------------------------------

TEST_F(SupervisionClientTest, FailedExecutionIsToldInWords) {
  StartWithInit();
  std::vector<absl::Status> answers;
  FakeSupervisor& supervisor = BeginSupervisor();
  client_->Launch(ProcessOf(kInstance), Into(answers));
  AwaitLaunches(1);
  AnswerLaunch(kInstance);
  AwaitHello(supervisor);
  SendHello(supervisor, StatusOf(kInstance));
  internal::InstanceStatus status = StatusOf(kInstance);
  status.set_state(internal::INSTANCE_FAILED);
  status.set_observed_generation(1);
  status.mutable_last_exit()->set_reason(internal::ExitInfo::EXEC_FAILED);
  status.mutable_last_exit()->set_stage("exec");
  status.mutable_last_exit()->set_error_number(ENOENT);
  status.mutable_last_exit()->set_attempt(1);
  SendReport(supervisor, 1, "failed", status);
  ASSERT_TRUE(Until([&] { return Told("failed 1"); }));
  const std::string message = "cannot execute 'server': No such file or directory (stage exec)";
  EXPECT_EQ(observer_.last.status.last_exit->message, message);
  EXPECT_EQ(observer_.last.status.message, message);
  EXPECT_FALSE(observer_.last.status.last_exit->exit_code.has_value());
  // A change of the spec does not change what was.
  core::Process process = ProcessOf(kInstance);
  process.generation = 2;
  process.spec.command = "other";
  client_->SetSpec(process, Into(answers));
  status.set_observed_generation(2);
  SendReport(supervisor, 2, "spec", status);
  ASSERT_TRUE(Until([&] { return Told("spec 2"); }));
  EXPECT_EQ(observer_.last.status.last_exit->message, message);
}

TEST_F(SupervisionClientTest, FailedExecutionOfAnAdoptedInstanceIsNamedFromItsSpec) {
  internal::LaunchSpec spec;
  spec.set_generation(3);
  spec.add_argv("adopted");
  std::ofstream(InstanceDirectoryOf(kInstance) + "/spec") << spec.SerializeAsString();
  FakeSupervisor& supervisor = StartConnected();
  internal::InstanceStatus status = StatusOf(kInstance);
  status.set_observed_generation(3);
  status.mutable_last_exit()->set_reason(internal::ExitInfo::EXEC_FAILED);
  status.mutable_last_exit()->set_error_number(EACCES);
  SendReport(supervisor, 1, "exited", status);
  ASSERT_TRUE(Until([&] { return Told("exited 1"); }));
  EXPECT_EQ(observer_.last.status.last_exit->message,
            "cannot execute 'adopted': Permission denied");
}

// ---- usage, remains ---------------------------------------------------------------------------

TEST_F(SupervisionClientTest, UsageIsThatOfTheLeaf) {
  FakeSupervisor& supervisor = StartConnected();
  EXPECT_EQ(client_->UsageOf(kOther).memory_bytes, 0);
  internal::InstanceStatus status = StatusOf(kInstance);
  status.set_pid(0);
  const std::string leaf = data_ + "/i-" + kInstance;
  std::filesystem::create_directory(leaf);
  std::ofstream(leaf + "/cgroup.procs") << getpid() << "\n" << getpid() << "\n";
  status.set_cgroup_path(leaf);
  SendReport(supervisor, 1, "started", status);
  ASSERT_TRUE(Until([&] { return Told("started 1"); }));
  const int64_t both = client_->UsageOf(kInstance).memory_bytes;
  EXPECT_GT(both, 0);
  // Without a leaf, the main process.
  status.set_cgroup_path("");
  status.set_pid(getpid());
  SendReport(supervisor, 2, "started", status);
  ASSERT_TRUE(Until([&] { return Told("started 2"); }));
  const int64_t one = client_->UsageOf(kInstance).memory_bytes;
  EXPECT_NEAR(static_cast<double>(both), 2.0 * static_cast<double>(one),
              0.2 * static_cast<double>(both));
  // Not somebody else's.
  const std::string other_leaf = data_ + "/i-" + kOther;
  std::filesystem::rename(leaf, other_leaf);
  status.set_cgroup_path(other_leaf);
  SendReport(supervisor, 3, "started", status);
  ASSERT_TRUE(Until([&] { return Told("started 3"); }));
  EXPECT_EQ(client_->UsageOf(kInstance).memory_bytes, 0);
}

TEST_F(SupervisionClientTest, RemovesWhatADeletedProcessLeft) {
  namespace fs = std::filesystem;
  fs::create_directories(data_ + "/logs/proc_1/deeper");
  fs::create_directories(data_ + "/logs/proc_2");
  fs::create_directories(data_ + "/elsewhere");
  std::ofstream(data_ + "/elsewhere/kept") << "x";
  std::ofstream(data_ + "/logs/proc_1/00000001.log") << "x";
  std::ofstream(data_ + "/logs/proc_1/deeper/file") << "x";
  fs::create_directory_symlink(data_ + "/elsewhere", data_ + "/logs/proc_1/link");
  client_->RemoveRemains("proc_1", "web");
  EXPECT_FALSE(fs::exists(data_ + "/logs/proc_1"));
  EXPECT_TRUE(fs::exists(data_ + "/elsewhere/kept"));
  EXPECT_TRUE(fs::exists(data_ + "/logs/proc_2"));
  EXPECT_THAT(errors_, IsEmpty());
  // What is no id or name removes nothing.
  client_->RemoveRemains("../elsewhere", "web");
  client_->RemoveRemains("", "web");
  client_->RemoveRemains("proc_2", "..");
  EXPECT_EQ(errors_.size(), 3u);
  EXPECT_TRUE(fs::exists(data_ + "/elsewhere/kept"));
  EXPECT_TRUE(fs::exists(data_ + "/logs/proc_2"));
  // A link in the place of a log directory goes, what it points to stays.
  fs::create_directory_symlink(data_ + "/elsewhere", data_ + "/logs/proc_3");
  client_->RemoveRemains("proc_3", "web");
  EXPECT_FALSE(fs::is_symlink(data_ + "/logs/proc_3"));
  EXPECT_TRUE(fs::exists(data_ + "/elsewhere/kept"));
}

TEST_F(SupervisionClientTest, AnInitOfBeforeDoesNotGiveTheSystemsOwnAUsersAccount) {
  launches_system_ = false;
  shielded_ = true;
  StartWithInit();
  core::Process process = ProcessOf(kInstance);
  process.spec.system = true;
  std::vector<absl::Status> answers;
  client_->Launch(process, Into(answers));
  ASSERT_TRUE(Until([&] { return !answers.empty(); }));
  EXPECT_TRUE(absl::IsFailedPrecondition(answers[0])) << answers[0];
  EXPECT_TRUE(Launches().empty());
}

}  // namespace
}  // namespace grpc_os::runtime
