// For tests: a SupervisionClient, with an init and supervisors on the other side of its sockets
// that say what they are bid.
#ifndef GRPC_OS_RUNTIME_SUPERVISION_CLIENT_HARNESS_H_
#define GRPC_OS_RUNTIME_SUPERVISION_CLIENT_HARNESS_H_

#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/event_loop.h"
#include "base/unique_fd.h"
#include "protocol/messages.pb.h"
#include "protocol/packet.h"
#include "runtime/supervision_client.h"

namespace grpc_os::runtime {

// For conditions that come true at once unless something is broken.
inline constexpr int64_t kPatienceMs = 30'000;

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
  void OnPresent(const core::InstanceReport& snapshot) override {
    told.push_back(absl::StrCat("present ", snapshot.newest_seq));
    last = snapshot;
  }
  void OnGone(const std::string& instance_id) override {
    told.push_back(absl::StrCat("gone ", instance_id.substr(0, 1)));
  }

  std::vector<std::string> told;
  std::vector<std::string> instances;
  core::InstanceReport last;
};

inline const std::string kInstance(32, 'a');
inline const std::string kOther(32, 'b');

inline core::Process ProcessOf(const std::string& instance_id) {
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
    MakeClient();
  }
  void MakeClient(int64_t ping_interval_ms = 10 * kPatienceMs) {
    SupervisionClient::Options options;
    options.ping_interval_ms = ping_interval_ms;
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
    reply.mutable_instances()->set_launches_tasks(launches_tasks_);
    reply.mutable_instances()->set_launches_system(launches_system_);
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
  bool launches_tasks_ = true;
  bool launches_system_ = true;
  std::unique_ptr<FakeInit> init_;
  std::map<std::string, std::unique_ptr<FakeSupervisor>> supervisors_;
  std::unique_ptr<SupervisionClient> client_;
};

}  // namespace grpc_os::runtime

#endif  // GRPC_OS_RUNTIME_SUPERVISION_CLIENT_HARNESS_H_
