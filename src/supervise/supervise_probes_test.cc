// grpc-os-supervise: ports, readiness, liveness.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "supervise/program_harness.h"

namespace grpc_os::supervise {
namespace {

using core::LivenessKind;
using core::ReadyKind;
using internal::ExitInfo;

// A listener of this program, which is a stranger to the process.
struct Stranger {
  UniqueFd socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  int port = 0;
  Stranger() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(bind(socket.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(socket.get(), 1), 0);
    EXPECT_EQ(getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    port = ntohs(address.sin_port);
  }
};

int FreePort() { return Stranger().port; }

// await(name): until ROOT/name is there. listen(): on the port. serve(answer): to every GET, what
// `answer` gives, after all of the request.
constexpr char kServer[] = R"(
import os,socket,sys,time
def await_(name):
  while not os.path.exists(os.environ['ROOT']+'/'+name): time.sleep(0.005)
def listen():
  s=socket.socket(); s.setsockopt(socket.SOL_SOCKET,socket.SO_REUSEADDR,1)
  s.bind(('127.0.0.1',PORT)); s.listen(8); return s
def serve(answer):
  s=listen()
  while True:
    c,_=s.accept()
    try:
      if b'\r\n\r\n' in c.recv(65536): answer(c)
    except OSError: pass
    c.close()
def status(code): return lambda c: c.sendall(b'HTTP/1.1 %d X\r\nContent-Length: 2\r\n\r\nok' % code)
there=lambda name: os.path.exists(os.environ['ROOT']+'/'+name)
)";

class SuperviseProbesTest : public SuperviseTest {
 protected:
  SuperviseProbesTest() : port_(FreePort()) {
    process_spec_.port = port_;
    process_spec_.ready.timeout_ms = 1000;
  }
  void Server(const std::string& text) {
    spec_.clear_argv();
    for (const char* word : {"python3", "-c"}) *spec_.add_argv() = word;
    *spec_.add_argv() = absl::StrCat("PORT=", port_, "\n", kServer, text);
  }
  void Touch(const std::string& name) const { std::ofstream(root_ / name) << ""; }
  bool LogHas(const std::string& text) const {
    return absl::StrContains(Logged(protocol::LogStream::kSystem), text);
  }
  int port_;
};

TEST_F(SuperviseProbesTest, IsReadyOnceItListensAndSaysSoWhileItDoesNot) {
  Server("await_('go'); s=listen(); time.sleep(1000)");
  Launch();
  Client client = Connect();
  const Report late = client.Await("not_ready");
  EXPECT_EQ(late.status().state(), internal::INSTANCE_RUNNING) << "it runs on";
  EXPECT_FALSE(late.status().ready());
  EXPECT_EQ(late.status().message(), absl::StrCat("not ready after 1 s: port ", port_,
                                                  ": connection refused, nothing listens there"));
  EXPECT_FALSE(client.Saw("ready"));
  Touch("go");
  const Report ready = client.Await("ready");
  EXPECT_TRUE(ready.status().ready());
  EXPECT_EQ(ready.status().message(), "");
}

TEST_F(SuperviseProbesTest, IsReadyOnceHttpAnswersWell) {
  process_spec_.ready.kind = ReadyKind::kHttp;
  process_spec_.ready.path = "/health";
  Server("serve(lambda c: status(200 if there('go') else 503)(c))");
  Launch();
  Client client = Connect();
  const Report late = client.Await("not_ready");
  EXPECT_EQ(late.status().message(),
            absl::StrCat("not ready after 1 s: GET /health on port ", port_, ": HTTP 503"));
  Touch("go");
  client.Await("ready");
}

TEST_F(SuperviseProbesTest, AHungAnswerIsNone) {
  process_spec_.ready.kind = ReadyKind::kHttp;
  process_spec_.ready.path = "/";
  Server("serve(lambda c: time.sleep(1000))");
  Launch();
  Client client = Connect();
  EXPECT_TRUE(absl::StrContains(client.Await("not_ready").status().message(), "no answer"));
  client.Stop();
  client.Await("stopped");
}

TEST_F(SuperviseProbesTest, WhoListensOnItsPortIsNamedAndDoesNotMakeItReady) {
  Stranger stranger;
  process_spec_.port = stranger.port;
  Script("sleep 1000");
  Launch();
  Client client = Connect();
  const std::string held = absl::StrCat("port ", stranger.port, " is held by pid ", getpid(), " (");
  const Report found = client.Await("message");
  EXPECT_TRUE(found.status().message().starts_with(held)) << found.status().message();
  const Report late = client.Await("not_ready");
  EXPECT_TRUE(absl::StrContains(late.status().message(), held)) << late.status().message();
  EXPECT_FALSE(client.Saw("ready"));
}

TEST_F(SuperviseProbesTest, WhatEndsBecauseOfAStrangerOnItsPortSaysSo) {
  Stranger stranger;
  process_spec_.port = stranger.port;
  Script("exit 1");
  Launch();
  Client client = Connect();
  const Report exited = client.Await("exited");
  const std::string held = absl::StrCat("port ", stranger.port, " is held by pid ", getpid(), " (");
  EXPECT_TRUE(exited.status().message().starts_with(held)) << exited.status().message();
  client.Await("completed");
  EXPECT_TRUE(LogHas(held));
}

TEST_F(SuperviseProbesTest, WhatIsSaidToCountIsWhatCounts) {
  process_spec_.ready.kind = ReadyKind::kNotify;
  Python(absl::StrCat("p=socket.socket(); p.bind(('127.0.0.1',", port_, ")); p.listen(1)\n",
                      "while not os.path.exists(os.environ['ROOT']+'/go'): time.sleep(0.005)\n"
                      "say('READY=1'); time.sleep(1000)"));
  Launch();
  Client client = Connect();
  EXPECT_EQ(client.Await("not_ready").status().message(),
            "not ready after 1 s: no READY=1 came on NOTIFY_SOCKET");
  Touch("go");
  client.Await("ready");
}

TEST_F(SuperviseProbesTest, WhatSpeaksIsNotReadyBecauseItListens) {
  Python(
      absl::StrCat("say('STATUS=loading')\n"
                   "p=socket.socket(); p.bind(('127.0.0.1',",
                   port_, ")); p.listen(1)\n", "time.sleep(1000)"));
  Launch();
  Client client = Connect();
  client.Await("not_ready");
  EXPECT_FALSE(client.Saw("ready"));
}

TEST_F(SuperviseProbesTest, ADelayIsUpForSoLong) {
  process_spec_.ready.kind = ReadyKind::kDelay;
  process_spec_.ready.delay_ms = 10;
  Script("sleep 1000");
  Launch();
  Connect().Await("ready");
}

TEST_F(SuperviseProbesTest, WhatDoesNotAnswerAnyMoreIsRunAgainAndToldAsSuch) {
  process_spec_.restart = core::RestartPolicy::kOnFailure;
  process_spec_.liveness = {.kind = LivenessKind::kHttp,
                            .path = "/live",
                            .port = 0,
                            .period_ms = 100,
                            .failures = 2,
                            .timeout_ms = 200};
  Server(
      "def answer(c):\n"
      "  if there('hang') : time.sleep(1000)\n"
      "  status(200)(c)\n"
      "serve(answer)");
  Launch();
  Client client = Connect();
  client.Await("ready");
  Touch("hang");
  const std::string why = absl::StrCat("liveness probe failed 2 times: GET /live on port ", port_,
                                       ": no answer within 200 ms");
  EXPECT_EQ(client.Await("not_live").status().message(), why);
  fs::remove(root_ / "hang");
  const Report exited = client.Await("exited");
  EXPECT_EQ(exited.status().last_exit().reason(), ExitInfo::NOT_LIVE);
  EXPECT_EQ(exited.status().last_exit().signal(), SIGTERM);
  EXPECT_EQ(exited.status().last_exit().message(), why);
  EXPECT_FALSE(exited.status().last_exit().requested());
  EXPECT_EQ(client.Await("started").status().restart_count(), 1);
  client.Await("ready");
  EXPECT_TRUE(LogHas("liveness probe failed (1 of 2)"));
  EXPECT_TRUE(LogHas("not live, ending it"));
}

TEST_F(SuperviseProbesTest, AnAnswerWithoutEndIsAFailure) {
  process_spec_.restart = core::RestartPolicy::kNever;
  process_spec_.liveness = {.kind = LivenessKind::kHttp,
                            .path = "/",
                            .port = 0,
                            .period_ms = 100,
                            .failures = 1,
                            .timeout_ms = 20'000};
  Server(
      "def answer(c):\n"
      "  c.sendall(b'HTTP/1.1 200 OK\\r\\n\\r\\n')\n"
      "  while True: c.sendall(b'x'*65536)\n"
      "serve(answer)");
  Launch();
  Client client = Connect();
  client.Await("ready");
  const std::string why = client.Await("not_live").status().message();
  EXPECT_TRUE(absl::EndsWith(why, "the answer does not end within 1 MiB")) << why;
  client.Await("completed");
}

TEST_F(SuperviseProbesTest, WhatIgnoresTheStopSignalIsKilledWhenItIsNotLive) {
  process_spec_.stop_timeout_ms = 50;
  process_spec_.restart = core::RestartPolicy::kAlways;
  process_spec_.liveness = {.kind = LivenessKind::kTcp,
                            .path = "",
                            .port = 0,
                            .period_ms = 100,
                            .failures = 1,
                            .timeout_ms = 200};
  Server(
      "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
      "s=listen(); await_('go'); s.close(); time.sleep(1000)");
  Launch();
  Client client = Connect();
  client.Await("ready");
  Touch("go");
  const Report exited = client.Await("exited");
  EXPECT_EQ(exited.status().last_exit().reason(), ExitInfo::NOT_LIVE);
  EXPECT_EQ(exited.status().last_exit().signal(), SIGKILL);
  client.Await("started");
}

TEST_F(SuperviseProbesTest, AStopThatComesMeanwhileIsAStop) {
  process_spec_.restart = core::RestartPolicy::kAlways;
  process_spec_.liveness = {.kind = LivenessKind::kTcp,
                            .path = "",
                            .port = 0,
                            .period_ms = 100,
                            .failures = 1,
                            .timeout_ms = 200};
  Server(
      "import signal; signal.signal(signal.SIGTERM, lambda *_: (await_('end'), os._exit(3)))\n"
      "s=listen(); await_('go'); s.close(); time.sleep(1000)");
  Launch();
  Client client = Connect();
  client.Await("ready");
  Touch("go");
  client.Await("not_live");
  client.Stop();
  client.Await("stopping");
  Touch("end");
  const Report stopped = client.Await("stopped");
  EXPECT_EQ(stopped.status().last_exit().exit_code(), 3);
  EXPECT_TRUE(stopped.status().last_exit().requested());
  EXPECT_EQ(client.Actions().find("backoff"), std::string::npos);
}

// Without a cgroup a child of the main process cannot be told from others of its account.
TEST_F(SuperviseProbesTest, WithoutACgroupTheAccountDecidesAndThatIsSaid) {
  no_cgroup_ = true;
  Server("pid=os.fork()\nif pid==0:\n  s=listen(); time.sleep(1000)\nos.waitpid(pid,0)");
  Launch();
  Client client = Connect();
  const Report ready = client.Await("ready");
  EXPECT_TRUE(absl::StrContains(ready.status().message(), "counts as its own because"))
      << ready.status().message();
}

}  // namespace
}  // namespace grpc_os::supervise
