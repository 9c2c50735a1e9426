// Tasks: grpc-os-supervise --kind task, looked at from outside.
#include <unistd.h>

#include <optional>
#include <string>
#include <utility>

#include "supervise/program_harness.h"

namespace grpc_os::supervise {
namespace {

class SuperviseTaskTest : public SuperviseTest {
 protected:
  SuperviseTaskTest() { more_arguments_ = {"--kind", "task"}; }

  // What it wrote, up to the report that it has come to rest.
  struct Ended {
    std::string output;
    std::string errors;
    Report last;
  };
  static Ended ReadToTheEnd(Client& client) {
    Ended ended;
    while (auto reply = client.Next()) {
      if (reply->has_output()) {
        EXPECT_LE(reply->output().data().size(), size_t{32} << 10);
        EXPECT_FALSE(ended.last.has_status()) << "output came after a report of the end";
        (reply->output().to_stderr() ? ended.errors : ended.output) += reply->output().data();
      }
      if (!reply->has_report()) continue;
      const auto action = reply->report().action();
      if (action != "completed" && action != "stopped" && action != "failed") continue;
      ended.last = reply->report();
      return ended;
    }
    ADD_FAILURE() << "it did not come to rest";
    return ended;
  }
  Client ConnectUngreeted(const std::string& role) {
    auto socket = protocol::ConnectTo(directory_.string(), "ctl.sock");
    EXPECT_TRUE(socket.ok()) << socket.status();
    Client client(socket.ok() ? *std::move(socket) : UniqueFd());
    client.Hello(instance_, 0, role);
    return client;
  }
  // The line that it wrote, which another comes after.
  static std::string FirstLine(Client& client) {
    std::string text;
    while (text.find('\n') == std::string::npos) {
      const auto reply = client.Next();
      if (!reply) break;
      if (reply->has_output()) text += reply->output().data();
    }
    return text;
  }
  bool IsReleased() const { return fs::exists(directory_ / "released"); }
};

TEST_F(SuperviseTaskTest, RelaysEachByteAndThenTheEnd) {
  Script("head -c 3000000 /dev/zero; printf 'a\\000b' >&2; exit 7");
  Launch();
  Client client = Connect();
  const Ended ended = ReadToTheEnd(client);
  EXPECT_EQ(ended.output, std::string(3'000'000, '\0'));
  EXPECT_EQ(ended.errors, std::string("a\0b", 3));
  EXPECT_EQ(ended.last.action(), "completed");
  EXPECT_EQ(ended.last.status().last_exit().exit_code(), 7);
  EXPECT_FALSE(fs::exists(logs_)) << "a task has no log";
}

TEST_F(SuperviseTaskTest, WaitsForACallerThatDoesNotRead) {
  Script("for n in $(seq 200); do head -c 100000 /dev/zero; echo $n >$ROOT/count; done");
  Launch();
  Client client = Connect();
  // What fits into the pipe, the socket and the supervisor is well under this.
  std::string before;
  EXPECT_TRUE(Eventually([&] {
    usleep(200'000);
    return !Read(root_ / "count").empty() && std::exchange(before, Read(root_ / "count")) == before;
  }));
  EXPECT_LT(std::atoi(before.c_str()), 100);
  EXPECT_EQ(ReadToTheEnd(client).output.size(), 20'000'000u);
}

TEST_F(SuperviseTaskTest, IsNotExecutedWithoutACaller) {
  Script("echo ran >$ROOT/ran");
  Launch();
  Client init = ConnectUngreeted("init");
  SuperviseRequest request;
  request.mutable_stop()->set_cause("shutdown");
  init.Send(request);
  EXPECT_EQ(AwaitEnd(), 0);
  EXPECT_FALSE(fs::exists(root_ / "ran"));
  EXPECT_TRUE(IsReleased());
}

TEST_F(SuperviseTaskTest, EndsWithItsCaller) {
  Script("sleep 3600 & echo $!; echo $$; wait");
  Launch();
  std::optional<Client> client(Connect());
  const pid_t child = std::atoi(FirstLine(*client).c_str());
  client.reset();
  EXPECT_EQ(AwaitEnd(), 0);
  ExpectGone(child);
  EXPECT_TRUE(IsReleased());
}

TEST_F(SuperviseTaskTest, EndsWithTheMachine) {
  Script("echo $$; exec sleep 3600");
  Launch();
  Client client = Connect();
  const pid_t pid = std::atoi(FirstLine(client).c_str());
  kill(supervisor_, SIGTERM);
  EXPECT_EQ(AwaitEnd(), 0);
  ExpectGone(pid);
  EXPECT_TRUE(IsReleased());
}

TEST_F(SuperviseTaskTest, IsExecutedOnceAndALostSupervisorIsTold) {
  Script("echo ran >>$ROOT/ran; echo $$; exec sleep 3600");
  Launch();
  {
    Client client = Connect();
    FirstLine(client);
    KillSupervisor();
  }
  Launch(false);
  Client client = Connect();
  const Ended ended = ReadToTheEnd(client);
  EXPECT_EQ(ended.last.status().last_exit().reason(), internal::ExitInfo::SUPERVISOR_LOST);
  EXPECT_EQ(Read(root_ / "ran"), "ran\n");
}

TEST_F(SuperviseTaskTest, IsNotExecutedAgainWhereTheFirstExecutionWasNotReported) {
  Arm("supervise.spawn.forked");
  Script("echo ran >>$ROOT/ran; exec sleep 3600");
  Launch();
  {
    const Client client = ConnectUngreeted("osd");  // it dies before it greets
    EXPECT_NE(AwaitEnd(), 0);
  }
  ASSERT_TRUE(WasHit("supervise.spawn.forked"));
  failpoints_.clear();
  Launch(false);
  Client client = Connect();
  const Ended ended = ReadToTheEnd(client);
  EXPECT_EQ(ended.last.action(), "stopped");
  EXPECT_EQ(ended.last.status().last_exit().reason(), internal::ExitInfo::SUPERVISOR_LOST);
}

TEST_F(SuperviseTaskTest, SaysWhatCouldNotBeExecuted) {
  spec_.add_argv("no-such-program");
  Launch();
  Client client = Connect();
  const Ended ended = ReadToTheEnd(client);
  EXPECT_EQ(ended.last.action(), "failed");
  EXPECT_EQ(ended.last.status().last_exit().error_number(), ENOENT);
}

}  // namespace
}  // namespace grpc_os::supervise
