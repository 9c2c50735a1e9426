// The built grpc-os-init while it ends everything, and what a dead supervisor leaves.
#include <gmock/gmock.h>
#include <sys/un.h>

#include <cstring>

#include "init/program_harness.h"
#include "init/stop_plan.h"

namespace grpc_os::init {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string kA = InstanceId('a');
const std::string kB = InstanceId('b');

class StopTest : public ProgramTest {
 protected:
  void WriteStopMs(const std::string& id, int64_t ms) const {
    std::ofstream(InstanceDirectory(id) + "/stop-ms") << ms;
  }
  void LetEnd(const std::string& id) const {
    std::ofstream(InstanceDirectory(id) + "/may-end") << "";
  }
  // Until the text is in that file.
  static void WaitForText(const std::string& path, const std::string& text) {
    const int64_t deadline = EventLoop::NowMs() + kPatienceMs;
    while (ReadFile(path).find(text) == std::string::npos) {
      ASSERT_LT(EventLoop::NowMs(), deadline) << text << " is not in " << ReadFile(path);
      sched_yield();
    }
  }
};

TEST_F(StopTest, StopAllTakesAsLongAsTheProcessesNeedAndSaysWhoIsWaitedFor) {
  const FakeOsd osd = StartReady();
  LaunchOne(osd, kA);
  WriteStopMs(kA, 40'000);
  const FakeOsd other(data_, FakeOsd::kSilent);
  internal::InitRequest request;
  request.mutable_hello()->set_role("control");
  other.Send(request);
  request.mutable_stop_all();
  other.Send(request);
  Expect("stopping");
  int64_t longest_ms = 0;
  std::string text;
  while (text.empty()) {
    const internal::InitReply reply = other.Receive();
    ASSERT_TRUE(reply.has_stopping());
    longest_ms = std::max(longest_ms, reply.stopping().within_ms());
    text = reply.stopping().text();
  }
  EXPECT_GE(longest_ms, 40'000);
  EXPECT_THAT(text, HasSubstr("web (at most "));
  EXPECT_THAT(ReadFile(data_ + "/logs/system/init.log"), HasSubstr(text));
  WaitForText(root_ + "/out", text);
  LetEnd(kA);
  Expect("stopped");
  internal::InitReply last = other.Receive();
  while (last.has_stopping() && !last.stopping().done()) last = other.Receive();
  EXPECT_TRUE(last.stopping().done());
  EXPECT_EQ(last.stopping().left(), "");
  EXPECT_EQ(WaitFor(inits_.at(0)).code, 0);
}

TEST_F(StopTest, WhoAskedForTheStopPrintsWhoIsWaitedFor) {
  LaunchOne(StartReady(), kA);
  WriteStopMs(kA, 40'000);
  const pid_t stop = Start({"--stop-all"});
  Expect("stopping");
  // Once by the init, once by the one that asked.
  WaitForText(root_ + "/out", "\nstopping; waits for web (at most ");
  LetEnd(kA);
  EXPECT_EQ(WaitFor(stop).code, 0);
}

TEST_F(StopTest, AStopAllWhoseInitIsKilledEndsTheProcessesItself) {
  const FakeOsd osd = StartReady();
  LaunchOne(osd, kA);
  WriteStopMs(kA, 40'000);
  const pid_t init = inits_.at(0);
  const pid_t stop = Start({"--stop-all"});
  EXPECT_THAT(Expect("stopping"), ElementsAre("stopping", kA));
  Kill(init);
  // The one that asked for the stop takes over.
  WaitForText(data_ + "/logs/system/init.log", "adopts");
  LetEnd(kA);
  Expect("stopped");
  EXPECT_EQ(WaitFor(stop).code, 0);
}

TEST_F(StopTest, TwoStopsAtOnceBothLastUntilTheEnd) {
  LaunchOne(StartReady(), kA);
  WriteStopMs(kA, 40'000);
  const pid_t init = inits_.at(0);
  const pid_t all = Start({"--stop-all"});
  Expect("stopping");
  const FakeOsd second(data_, FakeOsd::kSilent);
  internal::InitRequest request;
  request.mutable_hello()->set_role("control");
  second.Send(request);
  request.mutable_stop();
  second.Send(request);
  EXPECT_GT(second.Receive().stopping().within_ms(), 30'000);
  EXPECT_EQ(waitpid(all, nullptr, WNOHANG), 0);
  LetEnd(kA);
  internal::InitReply last = second.Receive();
  while (last.has_stopping() && !last.stopping().done()) last = second.Receive();
  EXPECT_TRUE(last.stopping().done());
  EXPECT_EQ(WaitFor(all).code, 0);
  EXPECT_EQ(WaitFor(init).code, 0);
}

TEST_F(StopTest, WhatADeadSupervisorsProcessLeftIsGoneBeforeTheNextOneStarts) {
  // What it runs: a session of its own, and below it another one, which becomes init's child only
  // once those above it are dead.
  std::string script = kSupervise;
  const std::string begin = "tell('supervise', instance, os.getpid(), spec)";
  script.replace(script.find(begin), begin.size(), R"(
import subprocess
if spec == 'with-spec':
    subprocess.Popen(['setsid', 'sh', '-c',
                      'setsid sleep 4744.5 & echo $! >ROOT/deep.new; mv ROOT/deep.new ROOT/deep; wait'])
    while not os.path.exists('ROOT/deep'):
        time.sleep(0.005)
else:
    try:
        state = open('/proc/' + open('ROOT/deep').read().strip() + '/stat').read().split()[2]
    except OSError:
        state = 'gone'
    tell('deep', state)
)" + begin);
  for (size_t at = 0; (at = script.find("ROOT", at)) != std::string::npos;)
    script.replace(at, 4, root_);
  WriteScript("supervise", script);
  const FakeOsd osd = StartReady();
  const pid_t supervisor = LaunchOne(osd, kA);
  kill(supervisor, SIGKILL);
  EXPECT_THAT(Expect("deep"), ElementsAre("deep", "gone"));
  Expect("supervise");
}

TEST_F(StopTest, AProcessThatInitFoundAsItsChildIsAStranger) {
  // As a shell does that executes init in its place.
  const std::string script = "/stranger.sh";
  const auto words = Command({});
  std::string command;
  for (const std::string& word : words) command += " '" + word + "'";
  WriteScript("stranger.sh",
              "#!/bin/sh\nsleep 4744.5 &\necho $! >" + root_ + "/stranger\nexec" + command + "\n");
  inits_.push_back(Fork({"/bin/sh", root_ + script}));
  Expect("osd");
  const FakeOsd osd(data_);
  osd.SendReady();
  kill(LaunchOne(osd, kA), SIGKILL);
  Expect("supervise");
  const pid_t stranger = std::stoi(ReadFile(root_ + "/stranger"));
  const std::string stat = ReadFile("/proc/" + std::to_string(stranger) + "/stat");
  EXPECT_THAT(stat, HasSubstr("(sleep) S"));
  kill(stranger, SIGKILL);
}

// The service manager's end of NOTIFY_SOCKET.
class Manager {
 public:
  explicit Manager(const std::string& path)
      : socket_(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    EXPECT_EQ(bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    setenv("NOTIFY_SOCKET", path.c_str(), 1);
  }
  ~Manager() { unsetenv("NOTIFY_SOCKET"); }
  std::string Next() const {
    pollfd ready{socket_.get(), POLLIN, 0};
    if (poll(&ready, 1, kPatienceMs) != 1) return "nothing";
    char text[4096];
    const ssize_t size = recv(socket_.get(), text, sizeof text, 0);
    return {text, static_cast<size_t>(std::max<ssize_t>(size, 0))};
  }

 private:
  UniqueFd socket_;
};

TEST_F(StopTest, TheServiceManagerIsToldWhenItIsReadyAndThatAStopTakesTime) {
  const Manager manager(root_ + "/notify");
  const FakeOsd osd = StartReady();
  EXPECT_EQ(manager.Next(), "READY=1\nSTATUS=");
  LaunchOne(osd, kA);
  EXPECT_THAT(ReadFile(InstanceDirectory(kA) + "/arguments"), Not(HasSubstr("NOTIFY")));
  WriteStopMs(kA, 40'000);
  const pid_t stop = Start({"--stop-all"});
  EXPECT_THAT(manager.Next(), HasSubstr("STOPPING=1\nEXTEND_TIMEOUT_USEC=30000000"));
  std::string state;
  while (state.find("STATUS=") == std::string::npos && state != "nothing") state = manager.Next();
  EXPECT_THAT(state, HasSubstr("EXTEND_TIMEOUT_USEC=30000000\nSTATUS=stopping; waits for web"));
  LetEnd(kA);
  EXPECT_EQ(WaitFor(stop).code, 0);
}

TEST_F(StopTest, WhoeverWaitsForTheUnitGoesOnWhereTheDaemonDoesNotStart) {
  const Manager manager(root_ + "/notify");
  WriteScript("osd", "#!/bin/sh\nexit 3\n");
  Start();
  EXPECT_THAT(manager.Next(), HasSubstr("READY=1\nSTATUS=grpc-osd does not start; see "));
}

}  // namespace
}  // namespace grpc_os::init
