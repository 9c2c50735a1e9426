// For tests that execute the built grpc-os-supervise as grpc-os-init would, and look at it from
// outside.
#ifndef GRPC_OS_SUPERVISE_PROGRAM_HARNESS_H_
#define GRPC_OS_SUPERVISE_PROGRAM_HARNESS_H_

#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "base/id.h"
#include "base/unique_fd.h"
#include "cgroup/cgroup.h"
#include "core/process/process.h"
#include "core/tagged.h"
#include "protocol/log_format.h"
#include "protocol/messages.pb.h"
#include "protocol/packet.h"

namespace grpc_os::supervise {

namespace fs = std::filesystem;
using internal::Report;
using internal::SuperviseReply;
using internal::SuperviseRequest;
using std::chrono::steady_clock;

constexpr std::chrono::seconds kPatience(30);

inline fs::path Program() {
  const char* given = getenv("GRPC_OS_BIN_DIR");
  const fs::path beside = fs::read_symlink("/proc/self/exe").parent_path();
  for (const fs::path& directory :
       {given != nullptr ? fs::path(given) : beside, beside, beside / "bin"}) {
    if (fs::exists(directory / "grpc-os-supervise")) return directory / "grpc-os-supervise";
  }
  return {};
}

// Waits for a condition outside of this program, of which nothing tells.
inline bool Eventually(const std::function<bool()>& condition) {
  const auto end = steady_clock::now() + kPatience;
  while (!condition()) {
    if (steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

inline std::string Read(const fs::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// A process that can still do something. One that is ending has left its cgroup, and been told of,
// a little before it is a zombie, but has no memory any more by then.
inline bool Alive(pid_t pid) {
  const std::string process = "/proc/" + std::to_string(pid);
  const std::string status = Read(process + "/stat");
  const size_t bracket = status.rfind(')');
  return bracket != std::string::npos && status[bracket + 2] != 'Z' && status[bracket + 2] != 'X' &&
         !Read(process + "/statm").starts_with("0 ");
}

inline int64_t WallClockMs() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
}

// The tree that leaves are made in, for all tests of this program.
class CgroupEnvironment : public ::testing::Environment {
 public:
  void SetUp() override {
    tree = cgroup::PrepareTree("supervise-test-" + std::to_string(getpid()), 0, 0, nullptr);
  }
  void TearDown() override {
    if (tree.mode == cgroup::Mode::kNone) return;
    std::ofstream(fs::path(tree.path).parent_path() / "cgroup.procs") << 0 << std::flush;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(tree.path)) {
      if (entry.is_directory()) rmdir(entry.path().c_str());
    }
    rmdir(tree.path.c_str());
  }
  static inline cgroup::Tree tree;
};
inline const auto* const cgroup_environment =
    ::testing::AddGlobalTestEnvironment(new CgroupEnvironment);  // owned by GoogleTest

// The daemon's end of a control socket.
class Client {
 public:
  explicit Client(UniqueFd socket) : socket_(std::move(socket)) {}

  void Send(const SuperviseRequest& request, int fd = -1) {
    EXPECT_TRUE(protocol::SendPacket(socket_.get(), request, fd).ok());
  }
  void Hello(const std::string& instance, int64_t after_seq, const std::string& role = "osd") {
    SuperviseRequest request;
    request.mutable_hello()->set_instance_id(instance);
    request.mutable_hello()->set_protocol_version(1);
    request.mutable_hello()->set_role(role);
    request.mutable_hello()->set_after_seq(after_seq);
    Send(request);
  }
  // nullopt: the connection ended, or nothing came.
  std::optional<SuperviseReply> Next() {
    pollfd ready{socket_.get(), POLLIN, 0};
    const auto patience = std::chrono::duration_cast<std::chrono::milliseconds>(kPatience);
    if (poll(&ready, 1, static_cast<int>(patience.count())) != 1) return std::nullopt;
    const auto packet = protocol::ReceivePacket(socket_.get());
    SuperviseReply reply;
    if (!packet.ok() || packet->closed || !reply.ParseFromString(packet->bytes))
      return std::nullopt;
    return reply;
  }
  internal::InstanceStatus Greeting() {
    const auto reply = Next();
    EXPECT_TRUE(reply && reply->has_hello());
    return reply ? reply->hello() : internal::InstanceStatus();
  }
  // The next status that is told beside the journal.
  internal::InstanceStatus AwaitPresent() {
    while (auto reply = Next()) {
      if (reply->has_report()) seen.push_back(reply->report());
      if (reply->has_present()) return reply->present();
    }
    ADD_FAILURE() << "no present status came, but " << Actions();
    return {};
  }
  // The next report of this action; those before it are kept in `seen`.
  Report Await(const std::string& action) {
    while (auto reply = Next()) {
      if (!reply->has_report()) continue;
      seen.push_back(reply->report());
      if (reply->report().action() == action) return reply->report();
    }
    ADD_FAILURE() << "no report of " << action << " came, but " << Actions();
    return {};
  }
  std::string Call(SuperviseRequest request, int fd = -1, int* pid = nullptr) {
    request.set_call_id(++calls_);
    Send(request, fd);
    while (auto reply = Next()) {
      if (reply->has_report()) seen.push_back(reply->report());
      if (!reply->has_result() || reply->result().call_id() != calls_) continue;
      if (pid != nullptr) *pid = reply->result().pid();
      return reply->result().error();
    }
    return "the connection ended";
  }
  void Stop() {
    SuperviseRequest request;
    request.mutable_stop()->set_cause("requested");
    Send(request);
  }
  std::string Restart(int64_t number, bool only_if_waiting = false) {
    SuperviseRequest request;
    request.mutable_restart()->set_restart_number(number);
    request.mutable_restart()->set_only_if_waiting(only_if_waiting);
    return Call(request);
  }
  // What was reported, but for "ready": on a slow machine what is short may run for a second.
  std::string Actions() const {
    std::string all;
    for (const Report& report : seen) {
      if (report.action() != "ready") all += (all.empty() ? "" : " ") + report.action();
    }
    return all;
  }
  bool Saw(const std::string& action) const {
    return std::any_of(seen.begin(), seen.end(),
                       [&](const Report& report) { return report.action() == action; });
  }
  int socket() const { return socket_.get(); }

  std::vector<Report> seen;

 private:
  UniqueFd socket_;
  uint64_t calls_ = 0;
};

class SuperviseTest : public ::testing::Test {
 protected:
  SuperviseTest() {
    std::string name = (fs::temp_directory_path() / "supervise_test.XXXXXX").string();
    root_ = mkdtemp(name.data());
    instance_ = RandomHex128();
    directory_ = root_ / "run/i" / instance_;
    logs_ = root_ / "logs/proc_1";
    fs::create_directories(directory_);
    spec_.set_process_id("proc_1");
    spec_.set_process_name("web");
    spec_.set_generation(1);
    spec_.add_environment("PATH=/usr/bin:/bin");
    spec_.add_environment("ROOT=" + root_.string());
    spec_.set_working_directory(root_.string());
    process_spec_.restart = core::RestartPolicy::kNever;
  }

  ~SuperviseTest() override {
    if (supervisor_ > 0) {
      kill(supervisor_, SIGKILL);
      waitpid(supervisor_, nullptr, 0);
    }
    if (leaf()) {
      auto left = cgroup::Leaf::Open(*leaf());
      if (left.ok()) {
        left->KillAll().IgnoreError();
        Eventually([&] { return !left->Populated(); });
        left->Remove().IgnoreError();
      }
    }
    fs::remove_all(root_);
  }

  static std::optional<std::string> Tree() {
    const cgroup::Tree& tree = CgroupEnvironment::tree;
    if (tree.mode == cgroup::Mode::kNone) return std::nullopt;
    return tree.path;
  }
  std::optional<std::string> leaf() const {
    if (!Tree() || no_cgroup_) return std::nullopt;
    return *Tree() + "/i-" + instance_;
  }

  void Script(const std::string& text) {
    spec_.clear_argv();
    for (const std::string& word : {std::string("sh"), std::string("-c"), text})
      *spec_.add_argv() = word;
  }
  // For what a shell cannot do: python3 is a build dependency. `say` sends to NOTIFY_SOCKET.
  void Python(const std::string& text) {
    spec_.clear_argv();
    for (const char* word : {"python3", "-c"}) *spec_.add_argv() = word;
    *spec_.add_argv() =
        "import os,socket,time\n"
        "s=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM)\n"
        "s.connect('\\0'+os.environ['NOTIFY_SOCKET'][1:])\n"
        "say=lambda text: s.send(text.encode())\n" +
        text;
  }
  UniqueFd SpecMemfd() {
    spec_.set_spec(core::EncodeTagged(process_spec_));
    return Memfd(spec_);
  }
  static UniqueFd Memfd(const internal::LaunchSpec& spec) {
    auto memfd = protocol::ToMemfd(spec);
    EXPECT_TRUE(memfd.ok()) << memfd.status();
    return *std::move(memfd);
  }

  // As init does: a listener as 3, at the first launch the spec as 4.
  void Launch(bool first = true) {
    const fs::path program = Program();
    ASSERT_FALSE(program.empty())
        << "grpc-os-supervise is not beside this test: build it, or set GRPC_OS_BIN_DIR";
    auto listener = protocol::ListenAt(directory_.string(), "ctl.sock");
    ASSERT_TRUE(listener.ok()) << listener.status();
    const UniqueFd spec = first ? SpecMemfd() : UniqueFd();
    std::vector<std::string> words = {program.string(),
                                      "--instance",
                                      instance_,
                                      "--process-id",
                                      "proc_1",
                                      "--process-name",
                                      "web",
                                      "--dir",
                                      directory_.string(),
                                      "--log-dir",
                                      logs_.string(),
                                      "--cgroup",
                                      leaf() ? *Tree() : "none"};
    words.insert(words.end(), more_arguments_.begin(), more_arguments_.end());
    std::vector<char*> argv;
    argv.reserve(words.size() + 1);
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    // Out of the way of 3 and 4.
    const int high_listener = fcntl(listener->get(), F_DUPFD_CLOEXEC, 100);
    const int high_spec = first ? fcntl(spec.get(), F_DUPFD_CLOEXEC, 100) : -1;
    supervisor_ = fork();
    if (supervisor_ == 0) {
      dup2(high_listener, 3);
      close(4);
      if (high_spec >= 0) dup2(high_spec, 4);
      if (!failpoints_.empty()) setenv("GRPC_OS_FAILPOINT_DIR", failpoints_.c_str(), 1);
      execv(argv[0], argv.data());
      _exit(126);
    }
    close(high_listener);
    if (high_spec >= 0) close(high_spec);
  }
  Client Connect(int64_t after_seq = 0) {
    auto socket = protocol::ConnectTo(directory_.string(), "ctl.sock");
    EXPECT_TRUE(socket.ok()) << socket.status();
    Client client(socket.ok() ? *std::move(socket) : UniqueFd());
    client.Hello(instance_, after_seq);
    greeting_ = client.Greeting();
    return client;
  }
  void KillSupervisor() {
    kill(supervisor_, SIGKILL);
    waitpid(supervisor_, nullptr, 0);
    supervisor_ = 0;
  }
  // How it ended, as waitpid says.
  int AwaitEnd() {
    int status = -1;
    EXPECT_TRUE(Eventually([&] { return waitpid(supervisor_, &status, WNOHANG) == supervisor_; }));
    supervisor_ = 0;
    return status;
  }
  void Arm(const std::string& failpoint) {
    failpoints_ = root_ / "failpoints";
    fs::create_directories(failpoints_);
    std::ofstream(failpoints_ / failpoint) << "";
  }
  bool WasHit(const std::string& failpoint) const {
    return fs::exists(failpoints_ / (failpoint + ".hit"));
  }

  struct Line {
    protocol::LogStream stream;
    bool partial;
    std::string text;
  };
  std::vector<Line> Log() const {
    std::vector<Line> lines;
    std::map<uint64_t, fs::path> segments;
    if (fs::exists(logs_)) {
      for (const auto& entry : fs::directory_iterator(logs_)) {
        segments[*protocol::SegmentNumber(entry.path().filename().string())] = entry.path();
      }
    }
    for (const auto& [number, path] : segments) {
      std::istringstream text(Read(path));
      for (std::string line; std::getline(text, line);) {
        const auto parsed = protocol::ParseLogLine(line);
        if (parsed) lines.push_back({parsed->stream, parsed->partial, std::string(parsed->text)});
      }
    }
    return lines;
  }
  // What the payload wrote, put together again.
  std::string Logged(protocol::LogStream stream) const {
    std::string all;
    for (const Line& line : Log()) {
      if (line.stream == stream) all += line.text + (line.partial ? "" : "\n");
    }
    return all;
  }
  // A pid that the payload wrote into ROOT/<name>.
  pid_t PidIn(const std::string& name) const {
    const fs::path path = root_ / name;
    EXPECT_TRUE(Eventually([&] { return Read(path).ends_with("\n"); })) << name;
    return std::atoi(Read(path).c_str());
  }
  void ExpectGone(pid_t pid) const {
    ASSERT_GT(pid, 0);
    EXPECT_TRUE(Eventually([pid] { return !Alive(pid); })) << pid << " is still alive";
  }

  fs::path root_;
  std::string instance_;
  fs::path directory_;
  fs::path logs_;
  fs::path failpoints_;
  bool no_cgroup_ = false;
  std::vector<std::string> more_arguments_;
  internal::LaunchSpec spec_;
  core::ProcessSpec process_spec_;
  internal::InstanceStatus greeting_;
  pid_t supervisor_ = 0;
};

}  // namespace grpc_os::supervise

#endif  // GRPC_OS_SUPERVISE_PROGRAM_HARNESS_H_
