#include "runtime/supervision_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/event_loop.h"
#include "base/unique_fd.h"
#include "protocol/messages.pb.h"
#include "protocol/packet.h"

namespace grpc_os::runtime {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

// For conditions that come true at once unless something is broken.
constexpr int64_t kPatienceMs = 30'000;

// The other side of a socket file: keeps what it is told, says what it is bid. On the loop's
// thread.
template <typename Request, typename Reply>
class FakePeer {
 public:
  struct Received {
    Request request;
    UniqueFd descriptor;
  };
  FakePeer(EventLoop& loop, const std::string& directory, const std::string& name) : loop_(loop) {
    listener_ = protocol::ListenAt(directory, name).value();
    path_ = directory + "/" + name;
    loop_.Watch(listener_.get(), EPOLLIN, [this](uint32_t) { Accept(); });
  }
  ~FakePeer() {
    Hangup();
    loop_.Unwatch(listener_.get());
    unlink(path_.c_str());
  }

  // While false, what is sent stays in the sockets.
  void SetReading(bool reading) {
    reading_ = reading;
    if (connection_) loop_.Rewatch(connection_.get(), reading_ ? uint32_t{EPOLLIN} : 0);
  }
  void Send(const Reply& reply) {
    ASSERT_TRUE(connection_);
    ASSERT_TRUE(protocol::SendPacket(connection_.get(), reply).ok());
  }
  void Hangup() {
    if (!connection_) return;
    loop_.Unwatch(connection_.get());
    connection_.Reset();
  }
  bool connected() const { return static_cast<bool>(connection_); }
  // Of all connections.
  const std::vector<Received>& received() const { return received_; }
  int connections() const { return connections_; }
  // Of the requests received, those of a kind.
  std::vector<const Received*> OfKind(typename Request::KindCase kind) const {
    std::vector<const Received*> found;
    for (const Received& each : received_) {
      if (each.request.kind_case() == kind) found.push_back(&each);
    }
    return found;
  }

 private:
  void Accept() {
    UniqueFd connection(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!connection) return;
    Hangup();
    connection_ = std::move(connection);
    ++connections_;
    loop_.Watch(connection_.get(), reading_ ? uint32_t{EPOLLIN} : 0,
                [this](uint32_t) { Receive(); });
  }
  void Receive() {
    auto packet = protocol::ReceivePacket(connection_.get());
    ASSERT_TRUE(packet.ok());
    if (packet->empty) return;
    if (packet->closed) {
      Hangup();
      return;
    }
    Received received;
    ASSERT_TRUE(received.request.ParseFromString(packet->bytes));
    received.descriptor = std::move(packet->fd);
    received_.push_back(std::move(received));
  }

  EventLoop& loop_;
  std::string path_;
  UniqueFd listener_;
  UniqueFd connection_;
  bool reading_ = true;
  int connections_ = 0;
  std::vector<Received> received_;
};
using FakeInit = FakePeer<internal::InitRequest, internal::InitReply>;
using FakeSupervisor = FakePeer<internal::SuperviseRequest, internal::SuperviseReply>;

// What the core was told, as words, in order.
class Observer : public core::SupervisionObserver {
 public:
  void OnInstances(const std::vector<std::string>& instance_ids) override {
    told.push_back(absl::StrCat("instances ", instance_ids.size()));
    instances = instance_ids;
  }
  void OnConnected(const core::InstanceReport& snapshot) override {
    told.push_back("connected");
    last = snapshot;
  }
  void OnReport(const core::InstanceReport& report) override {
    told.push_back(absl::StrCat(report.action, " ", report.seq));
    last = report;
  }
  void OnGone(const std::string& instance_id) override {
    told.push_back(absl::StrCat("gone ", instance_id.substr(0, 1)));
  }

  std::vector<std::string> told;
  std::vector<std::string> instances;
  core::InstanceReport last;
};

const std::string kInstance(32, 'a');
const std::string kOther(32, 'b');

core::Process ProcessOf(const std::string& instance_id) {
  core::Process process;
  process.id = "proc_1";
  process.name = "web";
  process.spec.command = "server --port 80";
  process.instance_id = instance_id;
  return process;
}

class SupervisionClientTest : public ::testing::Test {
 protected:
  SupervisionClientTest() {
    std::string name = "/tmp/supervision_client_test.XXXXXX";
    data_ = mkdtemp(name.data());
    std::filesystem::create_directories(InstanceDirectoryOf(kInstance));
    std::filesystem::create_directories(InstanceDirectoryOf(kOther));
    SupervisionClient::Options options;
    options.data_directory = data_;
    options.on_init = [this](const std::string& mode, bool shielded) {
      inits_.push_back(absl::StrCat(mode, shielded ? " shielded" : ""));
    };
    options.on_shutdown = [this] { ++shutdowns_; };
    options.on_error = [this](const std::string& message) { errors_.push_back(message); };
    client_ = std::make_unique<SupervisionClient>(loop_, std::move(options));
  }
  ~SupervisionClientTest() override {
    client_.reset();
    init_.reset();
    supervisors_.clear();
    std::filesystem::remove_all(data_);
  }

  std::string InstanceDirectoryOf(const std::string& id) { return data_ + "/run/i/" + id; }

  template <typename Condition>
  [[nodiscard]] bool Until(Condition condition) {
    const int64_t limit = EventLoop::NowMs() + kPatienceMs;
    while (!condition()) {
      if (EventLoop::NowMs() > limit) return false;
      loop_.RunOnce(10);
    }
    return true;
  }
  // Runs what is due and what follows from it at once.
  void Settle() {
    for (int i = 0; i < 20; ++i) loop_.RunOnce(0);
  }

  // ---- init ----
  void BeginInit() { init_ = std::make_unique<FakeInit>(loop_, data_ + "/run", "init.sock"); }
  size_t InitHellos() { return init_->OfKind(internal::InitRequest::kHello).size(); }
  void AwaitInitHello(size_t count = 1) {
    ASSERT_TRUE(Until([&] { return init_->connected() && InitHellos() == count; }));
  }
  void SendInstances(const std::vector<std::string>& ids, bool more = false) {
    internal::InitReply reply;
    reply.mutable_instances()->set_more(more);
    reply.mutable_instances()->set_cgroup_mode("v2");
    reply.mutable_instances()->set_shielded(shielded_);
    for (const std::string& id : ids) reply.mutable_instances()->add_instance_ids(id);
    init_->Send(reply);
  }
  void StartWithInit(const std::vector<std::string>& ids = {}) {
    BeginInit();
    client_->Start(observer_);
    AwaitInitHello();
    SendInstances(ids);
    ASSERT_TRUE(Until([&] { return !observer_.told.empty(); }));
  }
  std::vector<const FakeInit::Received*> Launches() {
    return init_->OfKind(internal::InitRequest::kLaunch);
  }
  void AwaitLaunches(size_t count) {
    ASSERT_TRUE(Until([&] { return Launches().size() >= count; }));
    ASSERT_EQ(Launches().size(), count);
  }
  void AnswerLaunch(const std::string& id, const std::string& error = "", bool account = false) {
    internal::InitReply reply;
    reply.mutable_launched()->set_instance_id(id);
    reply.mutable_launched()->set_error(error);
    reply.mutable_launched()->set_account_refused(account);
    init_->Send(reply);
  }
  void SendGone(const std::string& id, bool relaunching) {
    internal::InitReply reply;
    reply.mutable_gone()->set_instance_id(id);
    reply.mutable_gone()->set_relaunching(relaunching);
    init_->Send(reply);
  }
  std::function<void(absl::Status)> Into(std::vector<absl::Status>& answers) {
    return [&answers](absl::Status status) { answers.push_back(std::move(status)); };
  }

  // ---- supervisors ----
  FakeSupervisor& BeginSupervisor(const std::string& id = kInstance) {
    supervisors_[id] = std::make_unique<FakeSupervisor>(loop_, InstanceDirectoryOf(id), "ctl.sock");
    return *supervisors_[id];
  }
  static internal::InstanceStatus StatusOf(const std::string& id) {
    internal::InstanceStatus status;
    status.set_instance_id(id);
    status.set_process_id("proc_1");
    status.set_state(internal::INSTANCE_RUNNING);
    status.set_pid(42);
    return status;
  }
  void AwaitHello(FakeSupervisor& supervisor, size_t count = 1) {
    ASSERT_TRUE(Until([&] {
      return supervisor.connected() &&
             supervisor.OfKind(internal::SuperviseRequest::kHello).size() == count;
    }));
  }
  void SendHello(FakeSupervisor& supervisor, const internal::InstanceStatus& status) {
    internal::SuperviseReply reply;
    *reply.mutable_hello() = status;
    supervisor.Send(reply);
  }
  void SendReport(FakeSupervisor& supervisor, int64_t seq, const std::string& action,
                  const internal::InstanceStatus& status = StatusOf(kInstance)) {
    internal::SuperviseReply reply;
    reply.mutable_report()->set_seq(seq);
    reply.mutable_report()->set_time_ms(1000 + seq);
    reply.mutable_report()->set_action(action);
    *reply.mutable_report()->mutable_status() = status;
    supervisor.Send(reply);
  }
  void SendResult(FakeSupervisor& supervisor, uint64_t call_id, const std::string& error,
                  int pid = 0) {
    internal::SuperviseReply reply;
    reply.mutable_result()->set_call_id(call_id);
    reply.mutable_result()->set_error(error);
    reply.mutable_result()->set_pid(pid);
    supervisor.Send(reply);
  }
  bool Told(const std::string& word) {
    return std::find(observer_.told.begin(), observer_.told.end(), word) != observer_.told.end();
  }
  // init, one supervisor, and the client connected to both.
  FakeSupervisor& StartConnected(int64_t after_seq = 0) {
    FakeSupervisor& supervisor = BeginSupervisor();
    StartWithInit({kInstance});
    client_->Attach(kInstance, after_seq);
    AwaitHello(supervisor);
    SendHello(supervisor, StatusOf(kInstance));
    EXPECT_TRUE(Until([&] { return Told("connected"); }));
    observer_.told.clear();
    return supervisor;
  }

  EventLoop loop_;
  std::string data_;
  Observer observer_;
  std::vector<std::string> inits_;
  std::vector<std::string> errors_;
  int shutdowns_ = 0;
  bool shielded_ = false;
  std::unique_ptr<FakeInit> init_;
  std::map<std::string, std::unique_ptr<FakeSupervisor>> supervisors_;
  std::unique_ptr<SupervisionClient> client_;
};

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

// ---- instances --------------------------------------------------------------------------------

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

}  // namespace
}  // namespace grpc_os::runtime
