// The built grpc-os-supervise while it stops a process: who is asked to end, what left its cgroup,
// how long it takes.
#include <gmock/gmock.h>
#include <signal.h>

#include <fstream>
#include <string>

#include "supervise/program_harness.h"

namespace grpc_os::supervise {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class StopTest : public SuperviseTest {
 protected:
  // A cgroup that is nobody's, which a process moves to as `su -` and `systemd-run --scope` make
  // it. ELSEWHERE/cgroup.procs in the script.
  bool MakeElsewhere() {
    if (!leaf()) return false;
    elsewhere_ = *Tree() + "/elsewhere-" + instance_;
    EXPECT_EQ(mkdir(elsewhere_.c_str(), 0755), 0);
    spec_.add_environment("ELSEWHERE=" + elsewhere_);
    return true;
  }
  ~StopTest() override {
    if (elsewhere_.empty()) return;
    EXPECT_TRUE(Eventually([&] { return rmdir(elsewhere_.c_str()) == 0; }));
  }
  std::string Out() const { return Logged(protocol::LogStream::kStdout); }
  std::string SystemLog() const { return Logged(protocol::LogStream::kSystem); }
  int64_t AskStopTime(Client& client) {
    SuperviseRequest request;
    request.mutable_ask_stop_time();
    request.set_call_id(77);
    client.Send(request);
    while (auto reply = client.Next())
      if (reply->has_result() && reply->result().call_id() == 77) return reply->result().stop_ms();
    return -1;
  }

  std::string elsewhere_;
};

constexpr char kMove[] = "echo $$ > $ELSEWHERE/cgroup.procs; ";

TEST_F(StopTest, SaysHowLongAShutDownTakes) {
  Script("exec sleep 1000");
  process_spec_.stop_timeout_ms = 120'000;
  Launch();
  Client client = Connect();
  client.Await("started");
  EXPECT_EQ(AskStopTime(client), 120'000);
  client.Stop();
  client.Await("stopped");
  EXPECT_EQ(AskStopTime(client), 0);
}

TEST_F(StopTest, AShutDownHasACapThatAStopHasNot) {
  Script("exec sleep 1000");
  process_spec_.stop_timeout_ms = 3'600'000;
  Launch();
  Client client = Connect();
  client.Await("started");
  EXPECT_EQ(AskStopTime(client), 300'000);
  client.Stop();
  client.Await("stopped");
}

TEST_F(StopTest, AMainProcessThatMovedToAnotherCgroupIsKilledInTime) {
  if (!MakeElsewhere()) GTEST_SKIP() << "there is no cgroup2 tree here";
  Script(std::string("trap '' TERM; ") + kMove + "echo up; while :; do sleep 0.01; done");
  process_spec_.stop_timeout_ms = 100;
  Launch();
  Client client = Connect();
  const pid_t pid = client.Await("started").status().pid();
  ASSERT_TRUE(Eventually([&] { return Out() == "up\n"; }));
  client.Stop();
  EXPECT_EQ(client.Await("exited").status().last_exit().signal(), SIGKILL);
  client.Await("stopped");
  EXPECT_FALSE(Alive(pid));
}

TEST_F(StopTest, ChildrenThatMovedAreGoneBeforeARestartAndAfterAStop) {
  if (!MakeElsewhere()) GTEST_SKIP() << "there is no cgroup2 tree here";
  // Of the one that moved comes another one, in a session of its own, whose parent is dead.
  Script(std::string("(") + "sh -c '" + kMove +
         "setsid sh -c \"echo \\$\\$ >> $ROOT/deep; exec sleep 1000\" & wait' & exec sleep 1000) & "
         "wait");
  Launch();
  Client client = Connect();
  client.Await("started");
  const pid_t first = PidIn("deep");
  fs::remove(root_ / "deep");
  EXPECT_EQ(client.Restart(1), "");
  client.Await("started");
  EXPECT_FALSE(Alive(first));
  const pid_t second = PidIn("deep");
  client.Stop();
  client.Await("stopped");
  EXPECT_FALSE(Alive(second));
}

TEST_F(StopTest, WhoLivesWhereAChildMovedToIsAStranger) {
  if (!MakeElsewhere()) GTEST_SKIP() << "there is no cgroup2 tree here";
  const pid_t stranger = fork();
  if (stranger == 0) {
    std::ofstream(elsewhere_ + "/cgroup.procs") << 0 << std::flush;
    execlp("sleep", "sleep", "1000", nullptr);
    _exit(126);
  }
  process_spec_.stop_scope = core::StopScope::kAll;
  Script(std::string("sh -c '") + kMove + "echo up; exec sleep 1000' & wait");
  Launch();
  Client client = Connect();
  client.Await("started");
  ASSERT_TRUE(Eventually([&] { return Out() == "up\n"; }));
  client.Stop();
  client.Await("stopped");
  EXPECT_TRUE(Alive(stranger));
  kill(stranger, SIGKILL);
  waitpid(stranger, nullptr, 0);
}

// ---- stop_scope ---------------------------------------------------------------------------------

// A server that needs a moment to end, behind a shell that does not pass on what it gets. Who reads
// its output may be gone by then.
constexpr char kServer[] =
    "sh -c 'trap \"sleep 0.2; echo flushed >> $ROOT/flushed; exit\" TERM; echo up; "
    "while :; do sleep 0.01; done'";

struct ScopeCase {
  const char* description;
  core::StopScope scope;
  bool cgroup;
  std::string script;
  bool flushed;
};

TEST_F(StopTest, TheStopSignalGoesToWhomTheScopeSays) {
  const std::string server = kServer;
  const std::string apart = "setsid " + server;
  const std::vector<ScopeCase> cases = {
      {"a pipe, main", core::StopScope::kMain, true, server + " | cat", false},
      {"a pipe, group", core::StopScope::kGroup, true, server + " | cat", true},
      {"a pipe, all", core::StopScope::kAll, true, server + " | cat", true},
      {"a start.sh, main", core::StopScope::kMain, true, server + "; echo done", false},
      {"a start.sh, group", core::StopScope::kGroup, true, server + "; echo done", true},
      {"a session, group", core::StopScope::kGroup, true, apart + "; echo done", false},
      {"a session, all", core::StopScope::kAll, true, apart + "; echo done", true},
      {"group without a cgroup", core::StopScope::kGroup, false, server + " | cat", true},
      {"all without a cgroup", core::StopScope::kAll, false, apart + "; echo done", true},
  };
  for (const ScopeCase& one : cases) {
    SCOPED_TRACE(one.description);
    instance_ = RandomHex128();
    directory_ = root_ / "run/i" / instance_;
    logs_ = root_ / "logs" / instance_;
    fs::create_directories(directory_);
    no_cgroup_ = !one.cgroup;
    process_spec_.stop_scope = one.scope;
    Script(one.script);
    Launch();
    Client client = Connect();
    client.Await("started");
    ASSERT_TRUE(Eventually([&] { return Out() == "up\n"; }));
    client.Stop();
    client.Await("stopped");
    EXPECT_EQ(fs::remove(root_ / "flushed"), one.flushed);
    EXPECT_THAT(SystemLog(), Not(HasSubstr("did not stop in time")));
    SuperviseRequest release;
    release.mutable_release();
    client.Send(release);
    EXPECT_EQ(AwaitEnd(), 0);
  }
}

TEST_F(StopTest, OthersOfTheScopeHaveTheStopTimeoutAndNoMore) {
  process_spec_.stop_scope = core::StopScope::kGroup;
  process_spec_.stop_timeout_ms = 300;
  Script("sh -c 'trap \"\" TERM; echo $$ > $ROOT/stubborn; while :; do sleep 0.01; done' | cat");
  Launch();
  Client client = Connect();
  client.Await("started");
  const pid_t stubborn = PidIn("stubborn");
  client.Stop();
  const Report stopping = client.Await("stopping");
  const Report stopped = client.Await("stopped");
  EXPECT_GE(stopped.time_ms() - stopping.time_ms(), 290);
  EXPECT_FALSE(Alive(stubborn));
  EXPECT_THAT(SystemLog(), HasSubstr("stopping (TERM to its group)\n"));
  EXPECT_THAT(SystemLog(), HasSubstr("did not stop in time: killing it"));
}

TEST_F(StopTest, WhoIsNotOfTheGroupIsNotWaitedFor) {
  process_spec_.stop_scope = core::StopScope::kGroup;
  process_spec_.stop_timeout_ms = 3'600'000;
  Script("setsid sh -c 'trap \"\" TERM; echo $$ > $ROOT/apart; exec sleep 1000' & wait");
  Launch();
  Client client = Connect();
  client.Await("started");
  const pid_t apart = PidIn("apart");
  client.Stop();
  client.Await("stopped");
  EXPECT_FALSE(Alive(apart));
}

TEST_F(StopTest, AStopOfAllReachesWhatMovedToAnotherCgroup) {
  if (!MakeElsewhere()) GTEST_SKIP() << "there is no cgroup2 tree here";
  process_spec_.stop_scope = core::StopScope::kAll;
  Script(
      std::string("setsid sh -c 'trap \"sleep 0.2; echo flushed > $ROOT/flushed; exit\" TERM; ") +
      kMove + "echo up; while :; do sleep 0.01; done' & wait");
  Launch();
  Client client = Connect();
  client.Await("started");
  ASSERT_TRUE(Eventually([&] { return Out() == "up\n"; }));
  client.Stop();
  client.Await("stopped");
  EXPECT_TRUE(fs::exists(root_ / "flushed"));
}

TEST_F(StopTest, ARestartDuringTheTimeOfTheOthersRunsItAgainAfterThem) {
  process_spec_.stop_scope = core::StopScope::kGroup;
  Script(std::string(kServer) + " | cat");
  Launch();
  Client client = Connect();
  client.Await("started");
  ASSERT_TRUE(Eventually([&] { return Out() == "up\n"; }));
  client.Stop();
  client.Await("stopping");
  EXPECT_EQ(client.Restart(1), "");
  client.Await("started");
  EXPECT_TRUE(fs::exists(root_ / "flushed"));
  client.Stop();
  client.Await("stopped");
}

TEST_F(StopTest, ASupervisorLostInTheTimeOfTheOthersLeavesNothing) {
  process_spec_.stop_scope = core::StopScope::kGroup;
  process_spec_.stop_timeout_ms = 3'600'000;
  Script("sh -c 'trap \"\" TERM; echo $$ > $ROOT/stubborn; while :; do sleep 0.01; done' | cat");
  if (!leaf()) GTEST_SKIP() << "there is no cgroup2 tree here";
  Launch();
  const pid_t stubborn = [&] {
    Client client = Connect();
    const pid_t main = client.Await("started").status().pid();
    const pid_t pid = PidIn("stubborn");
    client.Stop();
    client.Await("stopping");
    ExpectGone(main);
    EXPECT_TRUE(Alive(pid));
    return pid;
  }();
  KillSupervisor();
  Launch(/*first=*/false);
  Client client = Connect();
  while (!client.Saw("stopped")) client.Await("stopped");
  ExpectGone(stubborn);
}

}  // namespace
}  // namespace grpc_os::supervise
