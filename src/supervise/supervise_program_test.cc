// Executes the built grpc-os-supervise as grpc-os-init would, and looks at it from outside.
#include <dirent.h>
#include <fcntl.h>
#include <gmock/gmock.h>
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
#include "protocol/log_format.h"
#include "protocol/messages.pb.h"
#include "protocol/packet.h"

namespace grpc_os::supervise {
namespace {

namespace fs = std::filesystem;
using internal::Report;
using internal::SuperviseReply;
using internal::SuperviseRequest;
using std::chrono::steady_clock;

constexpr std::chrono::seconds kPatience(30);

fs::path Program() {
  const char* given = getenv("GRPC_OS_BIN_DIR");
  const fs::path beside = fs::read_symlink("/proc/self/exe").parent_path();
  for (const fs::path& directory :
       {given != nullptr ? fs::path(given) : beside, beside, beside / "bin"}) {
    if (fs::exists(directory / "grpc-os-supervise")) return directory / "grpc-os-supervise";
  }
  return {};
}

// Waits for a condition outside of this program, of which nothing tells.
bool Eventually(const std::function<bool()>& condition) {
  const auto end = steady_clock::now() + kPatience;
  while (!condition()) {
    if (steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

std::string Read(const fs::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// A process that is not a zombie.
bool Alive(pid_t pid) {
  const std::string status = Read("/proc/" + std::to_string(pid) + "/stat");
  const size_t bracket = status.rfind(')');
  return bracket != std::string::npos && status[bracket + 2] != 'Z' && status[bracket + 2] != 'X';
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
  static cgroup::Tree tree;
};
cgroup::Tree CgroupEnvironment::tree;
const auto* const cgroup_environment =
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
  std::string Actions() const {
    std::string all;
    for (const Report& report : seen) all += (all.empty() ? "" : " ") + report.action();
    return all;
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
    spec_.set_restart(internal::LaunchSpec::NEVER);
    spec_.set_stop_signal(SIGTERM);
    spec_.set_stop_timeout_ms(10'000);
    spec_.set_log_max_bytes(50 << 20);
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
  UniqueFd SpecMemfd() const {
    auto memfd = protocol::ToMemfd(spec_);
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
  internal::InstanceStatus greeting_;
  pid_t supervisor_ = 0;
};

TEST_F(SuperviseTest, RunsTheCommandAndReportsHowItEnded) {
  Script("echo out; echo err >&2; exit 3");
  Launch();
  Client client = Connect();
  const Report started = client.Await("started");
  EXPECT_EQ(started.status().state(), internal::INSTANCE_RUNNING);
  EXPECT_GT(started.status().pid(), 0);
  EXPECT_EQ(started.status().attempt(), 1);
  EXPECT_TRUE(started.status().ever_started());
  EXPECT_EQ(started.status().running_generation(), 1);
  const Report exited = client.Await("exited");
  EXPECT_EQ(exited.status().last_exit().reason(), internal::ExitInfo::EXITED);
  EXPECT_EQ(exited.status().last_exit().exit_code(), 3);
  EXPECT_FALSE(exited.status().last_exit().requested());
  EXPECT_EQ(exited.status().pid(), 0);
  const Report completed = client.Await("completed");
  EXPECT_EQ(completed.status().state(), internal::INSTANCE_EXITED);
  EXPECT_EQ(client.Actions(), "started exited completed");
  EXPECT_EQ(completed.seq(), 3);
  EXPECT_EQ(Logged(protocol::LogStream::kStdout), "out\n");
  EXPECT_EQ(Logged(protocol::LogStream::kStderr), "err\n");
  EXPECT_EQ(Logged(protocol::LogStream::kSystem), "started pid " +
                                                      std::to_string(started.status().pid()) +
                                                      " (attempt 1)\nexited with code 3\n");
}

TEST_F(SuperviseTest, GivesThePayloadACleanWorld) {
  Script(
      "env | sort; pwd; umask; ls /proc/self/fd | tr '\\n' ' '; echo; grep -E 'Sig(Blk|Ign)' "
      "/proc/self/status;"
      "cat /proc/$$/oom_score_adj; ps -o sid= -p $$ | tr -d ' '; echo $$; head -c 1 | wc -c");
  setenv("LEAK", "secret", 1);
  const int own_score = std::atoi(Read("/proc/self/oom_score_adj").c_str());
  Launch();
  unsetenv("LEAK");
  Client client = Connect();
  const pid_t pid = client.Await("started").status().pid();
  client.Await("completed");
  std::istringstream out(Logged(protocol::LogStream::kStdout));
  std::vector<std::string> lines;
  for (std::string line; std::getline(out, line);) lines.push_back(line);
  std::erase_if(lines, [](const std::string& line) {  // the shell's own
    return line.starts_with("PWD=") || line.starts_with("_=") || line.starts_with("SHLVL=") ||
           line.starts_with("OLDPWD=");
  });
  EXPECT_THAT(lines, ::testing::ElementsAre(
                         "NOTIFY_SOCKET=@grpc-os-notify-" + instance_, "PATH=/usr/bin:/bin",
                         "ROOT=" + root_.string(), root_.string(), "0022", "0 1 2 3 ",
                         "SigBlk:\t0000000000000000", "SigIgn:\t0000000000000000",
                         std::to_string(std::min(own_score + 200, 1000)), std::to_string(pid),
                         std::to_string(pid), "0"));
}

TEST_F(SuperviseTest, RestartPoliciesDoWhatTheySay) {
  struct Case {
    internal::LaunchSpec::Restart policy;
    std::string script;
    std::string last;
  };
  const std::vector<Case> cases = {{internal::LaunchSpec::ALWAYS, "exit 0", "backoff"},
                                   {internal::LaunchSpec::ON_FAILURE, "exit 0", "completed"},
                                   {internal::LaunchSpec::ON_FAILURE, "kill -TERM $$", "completed"},
                                   {internal::LaunchSpec::ON_FAILURE, "kill -KILL $$", "backoff"},
                                   {internal::LaunchSpec::ON_FAILURE, "exit 1", "backoff"},
                                   {internal::LaunchSpec::NEVER, "kill -SEGV $$", "completed"}};
  for (const Case& one : cases) {
    instance_ = RandomHex128();
    directory_ = root_ / "run/i" / instance_;
    fs::create_directories(directory_);
    spec_.set_restart(one.policy);
    Script(one.script);
    Launch();
    Client client = Connect();
    client.Await(one.last);
    EXPECT_EQ(client.Actions(), "started exited " + one.last) << one.script;
    if (one.last == "backoff") {
      const internal::InstanceStatus& status = client.seen.back().status();
      EXPECT_EQ(status.state(), internal::INSTANCE_BACKOFF);
      const int64_t delay_ms = status.next_restart_time_ms() - client.seen.back().time_ms();
      EXPECT_GE(delay_ms, 900);
      EXPECT_LE(delay_ms, 1250);
    }
    kill(supervisor_, SIGTERM);
    EXPECT_EQ(AwaitEnd(), 0);
  }
}

TEST_F(SuperviseTest, AReadyProcessThatCrashesRunsAgainAtOnce) {
  spec_.set_restart(internal::LaunchSpec::ON_FAILURE);
  Script("exec sleep 1000");
  Launch();
  Client client = Connect();
  const pid_t first = client.Await("started").status().pid();
  EXPECT_TRUE(client.Await("ready").status().ready());  // after one second, without a word
  kill(first, SIGKILL);
  const Report exited = client.Await("exited");
  EXPECT_EQ(exited.status().last_exit().reason(), internal::ExitInfo::SIGNALED);
  EXPECT_EQ(exited.status().last_exit().signal(), SIGKILL);
  EXPECT_EQ(exited.status().state(), internal::INSTANCE_STARTING);
  const Report again = client.Await("started");
  EXPECT_NE(again.status().pid(), first);
  EXPECT_EQ(again.status().restart_count(), 1);
  EXPECT_EQ(again.status().attempt(), 2);
  EXPECT_EQ(client.Actions(), "started ready exited started");
}

TEST_F(SuperviseTest, AStopEndsItByItsSignal) {
  Script("trap 'echo bye; exit 5' INT; echo up; while :; do sleep 0.01; done");
  spec_.set_stop_signal(SIGINT);
  Launch();
  Client client = Connect();
  client.Await("started");
  ASSERT_TRUE(Eventually([&] { return Logged(protocol::LogStream::kStdout) == "up\n"; }));
  client.Stop();
  EXPECT_EQ(client.Await("stopping").status().state(), internal::INSTANCE_STOPPING);
  const Report exited = client.Await("exited");
  EXPECT_EQ(exited.status().last_exit().exit_code(), 5);
  EXPECT_TRUE(exited.status().last_exit().requested());
  EXPECT_EQ(client.Await("stopped").status().state(), internal::INSTANCE_STOPPED);
  EXPECT_EQ(Logged(protocol::LogStream::kStdout), "up\nbye\n");
  EXPECT_THAT(Logged(protocol::LogStream::kSystem),
              ::testing::HasSubstr("stopping (INT)\nexited with code 5\n"));
}

TEST_F(SuperviseTest, WhoIgnoresTheStopSignalIsKilledAfterTheTimeout) {
  Script("trap '' TERM; echo up; while :; do sleep 0.01; done");
  spec_.set_stop_timeout_ms(200);
  Launch();
  Client client = Connect();
  client.Await("started");
  ASSERT_TRUE(Eventually([&] { return Logged(protocol::LogStream::kStdout) == "up\n"; }));
  client.Stop();
  const Report exited = client.Await("exited");
  EXPECT_EQ(exited.status().last_exit().signal(), SIGKILL);
  EXPECT_TRUE(exited.status().last_exit().requested());
  EXPECT_GE(exited.status().last_exit().exit_time_ms() - client.seen[1].time_ms(), 190);
  client.Await("stopped");
}

TEST_F(SuperviseTest, AStoppedProcessIsContinuedSoThatItCanEnd) {
  Script("trap 'exit 4' TERM; echo up; while :; do sleep 0.01; done");
  Launch();
  Client client = Connect();
  const pid_t pid = client.Await("started").status().pid();
  ASSERT_TRUE(Eventually([&] { return Logged(protocol::LogStream::kStdout) == "up\n"; }));
  kill(pid, SIGSTOP);
  client.Stop();
  EXPECT_EQ(client.Await("exited").status().last_exit().exit_code(), 4);
  client.Await("stopped");
}

TEST_F(SuperviseTest, AGrandchildInItsOwnSessionIsGoneAfterAStop) {
  Script(
      "setsid sh -c 'echo $$ > $ROOT/grandchild; trap \"\" TERM HUP; while :; do sleep 0.1; done' "
      "& wait");
  Launch();
  Client client = Connect();
  client.Await("started");
  const pid_t grandchild = PidIn("grandchild");
  EXPECT_TRUE(Alive(grandchild));
  client.Stop();
  client.Await("stopped");
  EXPECT_FALSE(Alive(grandchild));
}

TEST_F(SuperviseTest, WithoutACgroupOrphansAreFoundAsOwnChildren) {
  no_cgroup_ = true;
  Script(
      "setsid sh -c '(setsid sh -c \"echo \\$\\$ > $ROOT/deep; exec sleep 1000\" &) ; echo $$ > "
      "$ROOT/grandchild;"
      "exec sleep 1000' & wait");
  Launch();
  Client client = Connect();
  EXPECT_EQ(client.Await("started").status().cgroup_path(), "");
  const pid_t grandchild = PidIn("grandchild");
  const pid_t deep = PidIn("deep");
  client.Stop();
  client.Await("stopped");
  EXPECT_FALSE(Alive(grandchild));
  EXPECT_FALSE(Alive(deep));
}

TEST_F(SuperviseTest, LeftoversAreGoneBeforeTheRestart) {
  spec_.set_restart(internal::LaunchSpec::ALWAYS);
  // The second execution looks for what the first left behind.
  Script(
      "if [ -e $ROOT/left ]; then kill -0 $(cat $ROOT/left) && echo STILL THERE; echo looked; exec "
      "sleep 1000; fi;"
      "setsid sleep 1000 & echo $! > $ROOT/left; exit 1");
  Launch();
  Client client = Connect();
  client.Await("backoff");
  EXPECT_EQ(client.Restart(1), "");
  client.Await("started");
  ASSERT_TRUE(Eventually([&] { return Logged(protocol::LogStream::kStdout) != ""; }));
  EXPECT_EQ(Logged(protocol::LogStream::kStdout), "looked\n");
  // The clone into a cgroup that was killed did not meet the same end: see Descendants.
  EXPECT_THAT(Logged(protocol::LogStream::kSystem),
              ::testing::Not(::testing::HasSubstr("killed by")));
}

TEST_F(SuperviseTest, RunsAgainAfterItsCgroupWasKilledFromOutside) {
  if (!leaf()) GTEST_SKIP() << "there is no cgroup2 tree here";
  spec_.set_restart(internal::LaunchSpec::ON_FAILURE);
  Script("exec sleep 1000");
  Launch();
  Client client = Connect();
  client.Await("ready");
  std::ofstream(*leaf() + "/cgroup.kill") << "1" << std::flush;
  client.Await("exited");
  client.Await("ready");  // with the kernels that need it, after one more attempt
}

TEST_F(SuperviseTest, ItsCgroupIsMadeAnewAfterSomeoneRemovedIt) {
  if (!leaf()) GTEST_SKIP() << "there is no cgroup2 tree here";
  spec_.set_restart(internal::LaunchSpec::ALWAYS);
  Script("sleep 1000 & wait");
  Launch();
  Client client = Connect();
  const pid_t pid = client.Await("started").status().pid();
  kill(pid, SIGKILL);
  client.Await("backoff");
  ASSERT_EQ(rmdir(leaf()->c_str()), 0);
  EXPECT_EQ(client.Restart(1), "");
  EXPECT_EQ(client.Await("started").status().attempt(), 1);
  EXPECT_FALSE(cgroup::Leaf::Open(*leaf())->Pids().empty());
}

TEST_F(SuperviseTest, WhatCannotBeExecutedFailsAtOnceAndForGood) {
  struct Case {
    std::string command;
    std::string directory;
    std::string stage;
    int error;
  };
  const fs::path plain = root_ / "plain";
  std::ofstream(plain) << "not a program\n";
  const fs::path garbage = root_ / "garbage";
  std::ofstream(garbage) << "not a program\n";
  chmod(garbage.c_str(), 0755);
  const std::string here = root_.string();
  const std::vector<Case> cases = {{"no-such-program", here, "exec", ENOENT},
                                   {"/no/such/program", here, "exec", ENOENT},
                                   {plain.string(), here, "exec", EACCES},
                                   {garbage.string(), here, "exec", ENOEXEC},
                                   {plain.string() + "/x", here, "exec", ENOTDIR},
                                   {"true", "/no/such/directory", "chdir", ENOENT},
                                   {"true", plain.string(), "chdir", ENOTDIR}};
  for (const Case& one : cases) {
    instance_ = RandomHex128();
    directory_ = root_ / "run/i" / instance_;
    fs::create_directories(directory_);
    spec_.set_restart(internal::LaunchSpec::ALWAYS);
    spec_.clear_argv();
    *spec_.add_argv() = one.command;
    spec_.set_working_directory(one.directory);
    Launch();
    Client client = Connect();
    const Report failed = client.Await("failed");
    EXPECT_EQ(client.Actions(), "failed") << one.command;
    EXPECT_EQ(failed.status().state(), internal::INSTANCE_FAILED);
    EXPECT_FALSE(failed.status().ever_started());
    const internal::ExitInfo& exit = failed.status().last_exit();
    EXPECT_EQ(exit.reason(), internal::ExitInfo::EXEC_FAILED);
    EXPECT_EQ(exit.stage(), one.stage) << one.command;
    EXPECT_EQ(exit.error_number(), one.error) << one.command << strerror(exit.error_number());
    EXPECT_THAT(failed.status().message(), ::testing::HasSubstr(strerror(one.error)));
    SuperviseRequest release;
    release.mutable_release();
    client.Send(release);
    EXPECT_EQ(AwaitEnd(), 0);
    EXPECT_TRUE(fs::exists(directory_ / "released"));
  }
}

TEST_F(SuperviseTest, ATextFileThatIsBusyIsTriedAgain) {
  const fs::path program = root_ / "program";
  fs::copy_file("/bin/true", program);
  const UniqueFd writer(open(program.c_str(), O_WRONLY));
  *spec_.add_argv() = program.string();
  spec_.set_restart(internal::LaunchSpec::ON_FAILURE);
  Launch();
  Client client = Connect();
  EXPECT_EQ(client.Await("backoff").status().last_exit().error_number(), ETXTBSY);
}

TEST_F(SuperviseTest, TheDefaultDirectoryIsMade) {
  spec_.set_working_directory((root_ / "processes/web").string());
  spec_.set_make_working_directory(true);
  Script("pwd");
  Launch();
  Client client = Connect();
  client.Await("completed");
  EXPECT_EQ(Logged(protocol::LogStream::kStdout), (root_ / "processes/web").string() + "\n");
}

TEST_F(SuperviseTest, AKilledSupervisorTakesItsProcessAlongAndTheNextOneSaysSo) {
  for (const auto policy : {internal::LaunchSpec::ON_FAILURE, internal::LaunchSpec::NEVER}) {
    if (policy == internal::LaunchSpec::NEVER) {
      instance_ = RandomHex128();
      directory_ = root_ / "run/i" / instance_;
      fs::create_directories(directory_);
      fs::remove(root_ / "grandchild");
    }
    spec_.set_restart(policy);
    Script("setsid sh -c 'echo $$ > $ROOT/grandchild; exec sleep 1000' & wait");
    Launch();
    int64_t ready_seq = 0;
    pid_t pid = 0;
    {
      Client client = Connect();
      pid = client.Await("started").status().pid();
      ready_seq = client.Await("ready").seq();
    }
    const pid_t grandchild = PidIn("grandchild");
    fs::remove(root_ / "grandchild");
    KillSupervisor();
    ExpectGone(pid);
    if (leaf()) {
      EXPECT_TRUE(Alive(grandchild));  // nobody but the next supervisor can find it
    }
    Launch(false);
    Client client = Connect(ready_seq);
    const Report exited = client.Await("exited");
    EXPECT_EQ(exited.seq(), ready_seq + 1);
    EXPECT_EQ(exited.status().last_exit().reason(), internal::ExitInfo::SUPERVISOR_LOST);
    EXPECT_EQ(exited.status().last_exit().exit_code(), 0);
    EXPECT_FALSE(exited.status().last_exit().requested());
    if (leaf()) {
      EXPECT_FALSE(Alive(grandchild));
    }
    if (policy == internal::LaunchSpec::NEVER) {
      EXPECT_EQ(client.Await("completed").status().state(), internal::INSTANCE_EXITED);
      EXPECT_EQ(client.Actions(), "exited completed");
    } else {
      EXPECT_EQ(client.Await("started").status().attempt(), 2);  // it had been ready: at once
      EXPECT_EQ(client.Actions(), "exited started");
      EXPECT_THAT(Logged(protocol::LogStream::kSystem), ::testing::HasSubstr("supervisor lost"));
    }
    KillSupervisor();
  }
}

TEST_F(SuperviseTest, ASupervisorLostWhileStoppingStops) {
  Script("trap '' TERM; echo up; while :; do sleep 0.01; done");
  spec_.set_restart(internal::LaunchSpec::ALWAYS);
  Launch();
  int64_t seq = 0;
  {
    Client client = Connect();
    client.Await("started");
    client.Stop();
    seq = client.Await("stopping").seq();
  }
  KillSupervisor();
  Launch(false);
  Client client = Connect(seq);
  client.Await("stopped");
  EXPECT_EQ(client.Actions(), "exited stopped");
  EXPECT_TRUE(client.seen[0].status().last_exit().requested());
}

TEST_F(SuperviseTest, ASupervisorLostWhileRestartingRestarts) {
  Script("trap '' TERM; echo up; while :; do sleep 0.01; done");
  Launch();
  int64_t seq = 0;
  {
    Client client = Connect();
    client.Await("started");
    EXPECT_EQ(client.Restart(1), "");
    seq = client.seen.back().seq();
    EXPECT_EQ(client.seen.back().action(), "restarting");
  }
  KillSupervisor();
  Launch(false);
  Client client = Connect(seq);
  EXPECT_EQ(greeting_.restart_number(), 1);
  EXPECT_EQ(client.Await("started").status().attempt(), 1);
  EXPECT_EQ(client.Actions(), "exited started");
}

TEST_F(SuperviseTest, ASupervisorLostInBackoffWaitsOn) {
  spec_.set_restart(internal::LaunchSpec::ALWAYS);
  Script("exit 1");
  Launch();
  Report backoff;
  {
    Client client = Connect();
    backoff = client.Await("backoff");
  }
  KillSupervisor();
  Launch(false);
  Client client = Connect(backoff.seq());
  EXPECT_EQ(greeting_.state(), internal::INSTANCE_BACKOFF);
  EXPECT_EQ(greeting_.last_exit().exit_code(), 1);
  const Report again = client.Await("started");
  EXPECT_EQ(client.Actions(), "started");  // nothing was lost, nothing is said to be
  EXPECT_EQ(again.status().attempt(), 2);
  EXPECT_GE(again.time_ms(), backoff.status().next_restart_time_ms() - 2);
}

TEST_F(SuperviseTest, AFinalStateStaysFinalForTheNextSupervisor) {
  Script("exit 7");
  Launch();
  Client(Connect()).Await("completed");
  KillSupervisor();
  Launch(false);
  Client client = Connect();
  EXPECT_EQ(greeting_.state(), internal::INSTANCE_EXITED);
  client.Await("completed");
  EXPECT_EQ(client.Actions(), "started exited completed");
}

TEST_F(SuperviseTest, NothingIsLostAtAnyFailpoint) {
  for (const std::string failpoint : {"supervise.spawn.forked", "supervise.journal.written",
                                      "supervise.exit.reaped", "supervise.log.mid"}) {
    instance_ = RandomHex128();
    directory_ = root_ / "run/i" / instance_;
    fs::create_directories(directory_);
    fs::remove_all(root_ / "runs");
    fs::create_directories(root_ / "runs");
    Script("echo $$ > $ROOT/runs/$$; echo hello; exit 1");
    Arm(failpoint);
    Launch();
    AwaitEnd();
    EXPECT_TRUE(WasHit(failpoint));
    for (const auto& run : fs::directory_iterator(root_ / "runs")) {
      ExpectGone(std::atoi(run.path().filename().c_str()));
    }
    Launch(false);
    Client client = Connect();
    client.Await("completed");
    // Seen from outside: what was reported is in order, and ends once.
    for (size_t i = 0; i < client.seen.size(); ++i) {
      EXPECT_EQ(client.seen[i].seq(), static_cast<int64_t>(i) + 1) << failpoint;
    }
    EXPECT_EQ(std::count_if(client.seen.begin(), client.seen.end(),
                            [](const Report& report) { return report.action() == "exited"; }),
              1)
        << failpoint << ": " << client.Actions();
    KillSupervisor();
  }
}

TEST_F(SuperviseTest, TheLogIsByteForByteWhatWasPrinted) {
  spec_.set_log_max_bytes(64 << 20);
  Script("seq 1 200000; head -c 100000 /dev/zero | tr '\\0' x; echo; printf 'tail without end'");
  Launch();
  Client client = Connect();
  client.Await("completed");
  std::string expected;
  for (int i = 1; i <= 200'000; ++i) expected += std::to_string(i) + "\n";
  expected += std::string(100'000, 'x') + "\ntail without end\n";
  EXPECT_TRUE(Logged(protocol::LogStream::kStdout) == expected);
  for (const Line& line : Log()) EXPECT_LE(line.text.size(), 16u << 10);
}

TEST_F(SuperviseTest, ALineWithoutItsEndIsShownSoon) {
  Script("printf 'password: '; exec sleep 1000");
  Launch();
  Client client = Connect();
  client.Await("started");
  ASSERT_TRUE(Eventually([&] { return !Logged(protocol::LogStream::kStdout).empty(); }));
  const std::vector<Line> lines = Log();
  EXPECT_EQ(lines.back().text, "password: ");
  EXPECT_TRUE(lines.back().partial);
}

TEST_F(SuperviseTest, AWriterThatOutlivesEverythingDoesNotHoldTheExitForLong) {
  no_cgroup_ = true;
  // The test itself holds the write end of the payload's output open.
  Script("echo $$ > $ROOT/pid; read line < $ROOT/fifo; exit 0");
  ASSERT_EQ(mkfifo((root_ / "fifo").c_str(), 0600), 0);
  Launch();
  Client client = Connect();
  const pid_t pid = client.Await("started").status().pid();
  const UniqueFd held(open(("/proc/" + std::to_string(pid) + "/fd/1").c_str(), O_WRONLY));
  ASSERT_TRUE(held);
  std::ofstream(root_ / "fifo") << "go\n" << std::flush;
  const Report exited = client.Await("exited");
  EXPECT_GE(exited.time_ms() - exited.status().last_exit().exit_time_ms(), 1990);
}

TEST_F(SuperviseTest, ReportsAreReplayedUntilTheyAreAcknowledged) {
  Script("exit 0");
  Launch();
  {
    Client client = Connect();
    client.Await("completed");
  }
  {
    Client client = Connect(1);
    client.Await("completed");
    EXPECT_EQ(client.Actions(), "exited completed");
    SuperviseRequest ack;
    ack.set_ack_seq(2);
    EXPECT_EQ(client.Call(ack), "");
  }
  Client client = Connect();
  EXPECT_EQ(greeting_.seq(), 3);
  client.Await("completed");
  EXPECT_EQ(client.Actions(), "completed");
}

TEST_F(SuperviseTest, AConnectionThatDoesNotReadGetsEverythingLater) {
  Script("exec sleep 1000");
  Launch();
  Client reader = Connect();
  Client sleeper = Connect();
  reader.Await("started");
  constexpr int kSpecs = 600;  // more than a socket holds
  for (int i = 2; i < kSpecs; ++i) {
    spec_.set_generation(i);
    SuperviseRequest request;
    request.mutable_set_spec();
    EXPECT_EQ(reader.Call(request, SpecMemfd().get()), "");
  }
  reader.Stop();
  reader.Await("stopped");
  sleeper.Await("stopped");
  EXPECT_EQ(sleeper.Actions(), reader.Actions());
  EXPECT_GT(sleeper.seen.size(), static_cast<size_t>(kSpecs) - 5);
}

TEST_F(SuperviseTest, OnlyWhoNamesTheInstanceIsHeard) {
  Script("exec sleep 1000");
  Launch();
  Client client = Connect();
  client.Await("started");
  auto wrong = protocol::ConnectTo(directory_.string(), "ctl.sock");
  Client stranger(*std::move(wrong));
  stranger.Hello(RandomHex128(), 0);
  EXPECT_FALSE(stranger.Next().has_value());
  auto silent = protocol::ConnectTo(directory_.string(), "ctl.sock");
  Client rude(*std::move(silent));
  rude.Stop();
  EXPECT_FALSE(rude.Next().has_value());
  Connect();
  EXPECT_EQ(greeting_.state(), internal::INSTANCE_RUNNING);
}

TEST_F(SuperviseTest, ASpecIsUsedAtTheNextStart) {
  Script("echo $WHO; exec sleep 1000");
  spec_.add_environment("WHO=old");
  Launch();
  Client client = Connect();
  client.Await("started");
  spec_.set_generation(2);
  spec_.set_environment(spec_.environment_size() - 1, "WHO=new");
  SuperviseRequest request;
  request.mutable_set_spec();
  EXPECT_EQ(client.Call(request, SpecMemfd().get()), "");
  EXPECT_EQ(client.seen.back().action(), "spec");
  EXPECT_EQ(client.seen.back().status().observed_generation(), 2);
  EXPECT_EQ(client.seen.back().status().running_generation(), 1);
  internal::LaunchSpec kept;
  EXPECT_TRUE(kept.ParseFromString(Read(directory_ / "spec")));
  EXPECT_EQ(kept.generation(), 2);
  EXPECT_EQ(client.Restart(1), "");
  EXPECT_EQ(client.Await("started").status().running_generation(), 2);
  ASSERT_TRUE(Eventually([&] { return Logged(protocol::LogStream::kStdout) == "old\nnew\n"; }));
  EXPECT_NE(client.Call(request), "");  // without a memfd
}

TEST_F(SuperviseTest, ARestartIsDoneOncePerNumber) {
  Script("exec sleep 1000");
  Launch();
  Client client = Connect();
  const pid_t first = client.Await("started").status().pid();
  EXPECT_EQ(client.Restart(5), "");
  const Report again = client.Await("started");
  EXPECT_NE(again.status().pid(), first);
  EXPECT_EQ(again.status().attempt(), 1);
  EXPECT_EQ(again.status().restart_count(), 0);
  EXPECT_EQ(again.status().restart_number(), 5);
  EXPECT_TRUE(again.status().last_exit().requested());
  EXPECT_EQ(client.Restart(5), "");
  EXPECT_EQ(client.Restart(4), "");
  EXPECT_EQ(client.Restart(6, true), "");  // it runs: only the number is taken
  EXPECT_EQ(client.seen.back().action(), "message");
  EXPECT_EQ(client.seen.back().status().restart_number(), 6);
  EXPECT_EQ(client.seen.back().status().pid(), again.status().pid());
  EXPECT_TRUE(Alive(again.status().pid()));
}

TEST_F(SuperviseTest, ARestartInBackoffStartsAtOnceAndZeroesTheCounters) {
  spec_.set_restart(internal::LaunchSpec::ALWAYS);
  Script("exit 1");
  Launch();
  Client client = Connect();
  client.Await("backoff");
  client.Await("backoff");  // two seconds
  EXPECT_EQ(client.Restart(1, true), "");
  const Report started = client.Await("started");
  EXPECT_EQ(started.status().attempt(), 1);
  EXPECT_EQ(started.status().next_restart_time_ms(), 0);
  const Report backoff = client.Await("backoff");
  EXPECT_LE(backoff.status().next_restart_time_ms() - backoff.time_ms(), 1250);
}

TEST_F(SuperviseTest, SignalsGoToTheMainProcessOnly) {
  Script("trap 'echo got usr1' USR1; echo up; while :; do sleep 0.01; done");
  Launch();
  Client client = Connect();
  const pid_t pid = client.Await("started").status().pid();
  ASSERT_TRUE(Eventually([&] { return Logged(protocol::LogStream::kStdout) == "up\n"; }));
  SuperviseRequest request;
  request.mutable_signal()->set_signal(SIGUSR1);
  int signalled = 0;
  EXPECT_EQ(client.Call(request, -1, &signalled), "");
  EXPECT_EQ(signalled, pid);
  ASSERT_TRUE(Eventually([&] { return Logged(protocol::LogStream::kStdout) == "up\ngot usr1\n"; }));
  request.mutable_signal()->set_signal(0);
  EXPECT_NE(client.Call(request), "");
  client.Stop();
  client.Await("stopped");
  request.mutable_signal()->set_signal(SIGUSR1);
  EXPECT_NE(client.Call(request), "");
}

TEST_F(SuperviseTest, OneThatNotifiesIsReadyWhenItSaysSo) {
  // python3 is a build dependency; sh cannot write to a datagram socket.
  spec_.clear_argv();
  for (const char* word : {"python3", "-c"}) *spec_.add_argv() = word;
  *spec_.add_argv() =
      "import os,socket,time\n"
      "s=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM)\n"
      "s.connect('\\0'+os.environ['NOTIFY_SOCKET'][1:])\n"
      "s.send(b'STATUS=loading')\n"
      "open(os.environ['ROOT']+'/fifo').read()\n"
      "s.send(b'READY=1\\nSTATUS=serving')\n"
      "time.sleep(1000)\n";
  ASSERT_EQ(mkfifo((root_ / "fifo").c_str(), 0600), 0);
  Launch();
  Client client = Connect();
  client.Await("started");
  const Report loading = client.Await("message");
  EXPECT_EQ(loading.status().message(), "loading");
  // More than a second passes: it is not taken for ready.
  std::this_thread::sleep_for(std::chrono::milliseconds(1200));
  std::ofstream(root_ / "fifo") << "go" << std::flush;
  const Report ready = client.Await("ready");
  EXPECT_EQ(client.Actions(), "started message ready");
  EXPECT_EQ(ready.status().message(), "serving");
}

TEST_F(SuperviseTest, ReleaseNeedsAFinalState) {
  Script("exec sleep 1000");
  Launch();
  Client client = Connect();
  client.Await("started");
  SuperviseRequest release;
  release.mutable_release();
  EXPECT_NE(client.Call(release), "");
  client.Stop();
  client.Await("stopped");
  EXPECT_NE(client.Restart(1), "");  // a new instance is for that
  EXPECT_EQ(client.Call(release), "");
  EXPECT_EQ(AwaitEnd(), 0);
  EXPECT_TRUE(fs::exists(directory_ / "released"));
  if (leaf()) {
    EXPECT_FALSE(fs::exists(*leaf()));
  }
}

TEST_F(SuperviseTest, SigtermStopsTheProcessAndLeavesItWanted) {
  spec_.set_restart(internal::LaunchSpec::ALWAYS);
  Script("trap 'exit 0' TERM; echo up; while :; do sleep 0.01; done");
  Launch();
  Client client = Connect();
  client.Await("started");
  ASSERT_TRUE(Eventually([&] { return Logged(protocol::LogStream::kStdout) == "up\n"; }));
  kill(supervisor_, SIGTERM);
  const Report exited = client.Await("exited");
  EXPECT_TRUE(exited.status().last_exit().requested());
  EXPECT_EQ(AwaitEnd(), 0);
  EXPECT_FALSE(fs::exists(directory_ / "released"));
  EXPECT_EQ(client.Actions(), "started stopping exited");
  Launch(false);
  // The next supervisor only tells of it: it is the daemon that wants it again, as a new instance.
  Client next = Connect();
  EXPECT_EQ(next.Await("exited").seq(), exited.seq());
  EXPECT_EQ(next.Actions(), "started stopping exited");
  SuperviseRequest release;
  release.mutable_release();
  EXPECT_EQ(next.Call(release), "");
  EXPECT_EQ(AwaitEnd(), 0);
  EXPECT_TRUE(fs::exists(directory_ / "released"));
}

TEST_F(SuperviseTest, FiveFailuresAreACrashLoopThatAUserEnds) {
  spec_.set_restart(internal::LaunchSpec::ON_FAILURE);
  Script("exec sleep 1000");
  Launch();
  Client client = Connect();
  for (int i = 1; i <= 5; ++i) {
    kill(client.Await("ready").status().pid(), SIGKILL);
    client.Await("exited");
  }
  const Report loop = client.Await("crash_looping");
  EXPECT_EQ(loop.status().state(), internal::INSTANCE_CRASH_LOOPING);
  EXPECT_EQ(loop.status().attempt(), 5);
  EXPECT_GE(loop.status().next_restart_time_ms() - loop.time_ms(), 59'000);
  EXPECT_EQ(client.Restart(1, true), "");
  EXPECT_EQ(client.Await("started").status().attempt(), 1);
}

}  // namespace
}  // namespace grpc_os::supervise
