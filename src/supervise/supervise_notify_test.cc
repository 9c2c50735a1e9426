// grpc-os-supervise: what a payload says of itself on NOTIFY_SOCKET, and who may say it.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <cstring>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "supervise/notify.h"
#include "supervise/program_harness.h"

namespace grpc_os::supervise {
namespace {

using core::ReadyKind;

// For what a test does not expect to come.
constexpr int64_t kNeverMs = 1'000'000;

constexpr char kAwait[] = R"(
def await_(name):
  while not os.path.exists(os.environ['ROOT']+'/'+name): time.sleep(0.005)
def touch(name): open(os.environ['ROOT']+'/'+name,'w').close()
def helper(*texts):
  pid=os.fork()
  if pid==0:
    for text in texts: say(text)
    os._exit(0)
  return pid
)";

class SuperviseNotifyTest : public SuperviseTest {
 protected:
  SuperviseNotifyTest() {
    process_spec_.ready.kind = ReadyKind::kNotify;
    process_spec_.ready.timeout_ms = kNeverMs;
  }
  void Touch(const std::string& name) const { std::ofstream(root_ / name) << ""; }
  bool Exists(const std::string& name) const { return fs::exists(root_ / name); }
  // What `act` does comes to the supervisor when it is over, and whoever did it has ended.
  void WhileTheSupervisorSleeps(const std::function<void()>& act) const {
    kill(supervisor_, SIGSTOP);
    int status = 0;
    ASSERT_EQ(waitpid(supervisor_, &status, WUNTRACED), supervisor_);
    act();
    kill(supervisor_, SIGCONT);
  }
  // As this program, which is no descendant of the payload.
  bool Say(const std::string& text) const {
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    const std::string name = absl::StrCat("grpc-os-notify-", instance_);
    memcpy(to.sun_path + 1, name.data(), name.size());
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    const UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    return sendto(socket.get(), text.data(), text.size(), 0, reinterpret_cast<const sockaddr*>(&to),
                  length) > 0;
  }
  // As another one, of `uid`, that has ended when this returns.
  void SayAndEnd(const std::string& text, uid_t uid) const {
    const pid_t stranger = fork();
    if (stranger == 0) _exit(setuid(uid) == 0 && Say(text) ? 0 : 1);
    int status = -1;
    ASSERT_EQ(waitpid(stranger, &status, 0), stranger);
    ASSERT_EQ(status, 0) << text;
  }
  // A helper of the payload, for whose end it waits so.
  void ExpectHeard(const std::string& wait) {
    Python(absl::StrCat(kAwait, "await_('go')\npid=helper('STATUS=warm','READY=1')\n", wait,
                        "\ntouch('said')\ntime.sleep(1000)"));
    Launch();
    Client client = Connect();
    client.Await("started");
    WhileTheSupervisorSleeps([&] {
      Touch("go");
      ASSERT_TRUE(Eventually([&] { return Exists("said"); }));
    });
    EXPECT_EQ(client.Await("ready").status().message(), "warm");
  }
  bool LogHas(const std::string& text) const {
    return absl::StrContains(Logged(protocol::LogStream::kSystem), text);
  }
};

TEST_F(SuperviseNotifyTest, HearsAHelperThatHasEndedBeforeItIsLookedUp) {
  ExpectHeard("os.waitpid(pid,0)");
}

TEST_F(SuperviseNotifyTest, HearsAHelperThatIsAZombieWhenItIsLookedUp) {
  ExpectHeard("os.waitid(os.P_PID,pid,os.WEXITED|os.WNOWAIT)");
}

TEST_F(SuperviseNotifyTest, HearsAHelperThatHasEndedWithoutACgroup) {
  no_cgroup_ = true;
  ExpectHeard("os.waitpid(pid,0)");
}

// Also when the supervisor learns of its end first: an orphan of it had ended before it spoke.
TEST_F(SuperviseNotifyTest, HearsTheLastWordsOfTheMainProcess) {
  Python(absl::StrCat(kAwait,
                      "if os.fork()==0:\n"
                      "  if os.fork()>0: os._exit(0)\n"
                      "  open(os.environ['ROOT']+'/orphan','w').write('%d\\n'%os.getpid())\n"
                      "  await_('first'); os._exit(0)\n"
                      "os.wait(); await_('then'); say('STATUS=no such table'); os._exit(3)"));
  Launch();
  Client client = Connect();
  const pid_t main = client.Await("started").status().pid();
  const pid_t orphan = PidIn("orphan");
  WhileTheSupervisorSleeps([&] {
    Touch("first");
    ASSERT_TRUE(Eventually([&] { return !Alive(orphan); }));
    Touch("then");
    ASSERT_TRUE(Eventually([&] { return !Alive(main); }));
  });
  EXPECT_EQ(client.Await("exited").status().message(), "no such table");
}

TEST_F(SuperviseNotifyTest, RefusesAStrangerOfTheSameUidThatLives) {
  Python(absl::StrCat(kAwait, "await_('go'); say('STATUS=mine'); time.sleep(1000)"));
  Launch();
  Client client = Connect();
  client.Await("started");
  ASSERT_TRUE(Say("READY=1\nSTATUS=not mine"));
  Touch("go");
  EXPECT_EQ(client.Await("message").status().message(), "mine");
  EXPECT_FALSE(client.Saw("ready"));
}

// Nothing but the uid can be told of one that has ended; so who has the same may lie.
TEST_F(SuperviseNotifyTest, OneThatHasEndedCountsByItsUidAlone) {
  if (geteuid() != 0) GTEST_SKIP() << "needs another uid";
  Python(absl::StrCat(kAwait, "time.sleep(1000)"));
  Launch();
  Client client = Connect();
  client.Await("started");
  WhileTheSupervisorSleeps([&] { SayAndEnd("READY=1\nSTATUS=of another uid", 65'534); });
  WhileTheSupervisorSleeps([&] { SayAndEnd("STATUS=of the same uid", 0); });
  EXPECT_EQ(client.Await("message").status().message(), "of the same uid");
  EXPECT_FALSE(client.Saw("ready"));
}

// Debian's program sends BARRIER=1 with a descriptor, and ends when that was closed.
TEST_F(SuperviseNotifyTest, UnderstandsSystemdNotify) {
  if (system("command -v systemd-notify >/dev/null") != 0) GTEST_SKIP() << "no systemd-notify";
  Script(
      "systemd-notify STATUS='loading 1/2' && echo told; "
      "systemd-notify --ready --status='all there' && echo ready; "
      "systemd-notify STOPPING=1 && echo stopping; exec sleep 1000");
  Launch();
  Client client = Connect();
  const Report ready = client.Await("ready");
  EXPECT_EQ(ready.status().message(), "all there");
  ASSERT_TRUE(Eventually([&] {
    return absl::StrContains(Logged(protocol::LogStream::kStdout), "told\nready\nstopping\n");
  })) << Logged(protocol::LogStream::kStderr);
  EXPECT_FALSE(client.Await("message").status().ready());
}

TEST_F(SuperviseNotifyTest, ClosesTheDescriptorOfABarrier) {
  Python(
      "r,w=os.pipe()\n"
      "socket.send_fds(s,[b'BARRIER=1'],[w]); os.close(w)\n"
      "os.read(r,1)==b'' and say('READY=1'); time.sleep(1000)");
  Launch();
  Connect().Await("ready");
}

TEST_F(SuperviseNotifyTest, ChangesOfItsMindWithoutEndAreFewReportsAndTheLastHolds) {
  Python(absl::StrCat(kAwait,
                      "for i in range(5000): say('READY=1'); say('STOPPING=1')\n"
                      "say('READY=1'); say('STATUS=last')\nawait_('more')\n"
                      "for i in range(5000): say('READY=1'); say('STOPPING=1')\n"
                      "say('STATUS=over'); time.sleep(1000)"));
  const auto began = steady_clock::now();
  Launch();
  Client client = Connect();
  const auto until = [&](const std::string& status, bool ready) {
    while (client.seen.empty() || client.seen.back().status().message() != status ||
           client.seen.back().status().ready() != ready) {
      const auto reply = client.Next();
      ASSERT_TRUE(reply.has_value());
      if (reply->has_report()) client.seen.push_back(reply->report());
    }
  };
  until("last", true);
  Touch("more");
  until("over", false);
  const auto seconds =
      std::chrono::duration_cast<std::chrono::seconds>(steady_clock::now() - began);
  const auto seen = static_cast<int64_t>(client.seen.size());
  // Those of readiness, and of the status.
  EXPECT_LE(seen, ReadinessPace::kBurst + 2 * (seconds.count() + 1) + 6);
}

// It cannot be known that it would say READY=1.
TEST_F(SuperviseNotifyTest, WhoSpeaksAfterItCountedAsReadyIsToldWhatToSet) {
  process_spec_.ready.kind = ReadyKind::kDefault;
  Python(absl::StrCat(kAwait, "await_('go'); say('READY=1'); time.sleep(1000)"));
  Launch();
  Client client = Connect();
  const Report ready = client.Await("ready");
  EXPECT_TRUE(ready.status().ready());
  // So much later than it counted as ready.
  ASSERT_TRUE(Eventually([&, due = steady_clock::now() + std::chrono::milliseconds(300)] {
    return steady_clock::now() > due;
  }));
  Touch("go");
  const Report hint = client.Await("message");
  EXPECT_TRUE(absl::StrContains(hint.status().message(), "`update web --ready notify`"))
      << hint.status().message();
  EXPECT_TRUE(LogHas("`update web --ready notify`"));
}

}  // namespace
}  // namespace grpc_os::supervise
