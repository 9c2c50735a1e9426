// The built grpc-os-supervise and its other side: what it tells and takes on its socket, and what
// the next one makes of its journal.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "supervise/program_harness.h"

namespace grpc_os::supervise {
namespace {

TEST_F(SuperviseTest, AKilledSupervisorTakesItsProcessAlongAndTheNextOneSaysSo) {
  for (const auto policy : {core::RestartPolicy::kOnFailure, core::RestartPolicy::kNever}) {
    if (policy == core::RestartPolicy::kNever) {
      instance_ = RandomHex128();
      directory_ = root_ / "run/i" / instance_;
      fs::create_directories(directory_);
      fs::remove(root_ / "grandchild");
    }
    process_spec_.restart = policy;
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
    if (policy == core::RestartPolicy::kNever) {
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
  process_spec_.restart = core::RestartPolicy::kAlways;
  Launch();
  int64_t seq = 0;
  {
    Client client = Connect();
    client.Await("started");
    ASSERT_TRUE(Eventually([&] { return Logged(protocol::LogStream::kStdout) == "up\n"; }));
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
    ASSERT_TRUE(Eventually([&] { return Logged(protocol::LogStream::kStdout) == "up\n"; }));
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
  process_spec_.restart = core::RestartPolicy::kAlways;
  Script("exit 1");
  Launch();
  Client client = Connect();
  Report backoff;
  for (;;) {
    backoff = client.Await("backoff");
    KillSupervisor();
    Launch(false);
    client = Connect(backoff.seq());
    if (greeting_.state() == internal::INSTANCE_BACKOFF) break;
    // Only because the delay was over before: the next one is twice as long.
    ASSERT_GE(WallClockMs(), backoff.status().next_restart_time_ms());
  }
  EXPECT_EQ(greeting_.last_exit().exit_time_ms(), backoff.status().last_exit().exit_time_ms());
  const Report again = client.Await("started");
  EXPECT_EQ(client.Actions(), "started");  // nothing was lost, nothing is said to be
  EXPECT_EQ(again.status().attempt(), backoff.status().attempt() + 1);
  EXPECT_GE(again.time_ms(), backoff.status().next_restart_time_ms() - 2);
}

TEST_F(SuperviseTest, TheNextSupervisorKnowsThatItHasJustRestartedAtOnce) {
  process_spec_.restart = core::RestartPolicy::kOnFailure;
  Python("say('READY=1')\ntime.sleep(1000)\n");
  Launch();
  Client client = Connect();
  kill(client.Await("ready").status().pid(), SIGKILL);
  client.Await("started");
  const int64_t seq = client.Await("ready").seq();
  KillSupervisor();
  Launch(false);
  client = Connect(seq);
  client.Await("backoff");
  EXPECT_EQ(client.Actions(), "exited backoff");
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

TEST_F(SuperviseTest, ReportsAreReplayedUntilTheyAreAcknowledged) {
  Script("exit 0");
  Launch();
  int64_t last = 0;
  {
    Client client = Connect();
    last = client.Await("completed").seq();
  }
  {
    Client client = Connect(1);
    client.Await("completed");
    EXPECT_EQ(client.Actions(), "exited completed");
    SuperviseRequest ack;
    ack.set_ack_seq(last - 1);
    EXPECT_EQ(client.Call(ack), "");
  }
  Client client = Connect();
  EXPECT_EQ(greeting_.seq(), last);
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
  ASSERT_TRUE(Eventually([&] { return Logged(protocol::LogStream::kStdout) == "old\n"; }));
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

// Promise 2 across an upgrade: the daemon may be older than the supervisor, and newer.
TEST_F(SuperviseTest, TheSpecOfADaemonOfBeforeIsFollowed) {
  Script("trap 'exit 5' INT; echo up; while :; do sleep 0.01; done");
  Launch();
  Client client = Connect();
  client.Await("started");
  internal::LaunchSpec before = spec_;
  before.clear_spec();
  before.set_generation(2);
  before.set_restart(internal::LaunchSpec::ON_FAILURE);
  before.set_stop_signal(SIGINT);
  before.set_stop_timeout_ms(20'000);
  before.set_log_max_bytes(1 << 20);
  SuperviseRequest request;
  request.mutable_set_spec();
  ASSERT_EQ(client.Call(request, Memfd(before).get()), "");
  EXPECT_EQ(client.Restart(1), "");
  kill(client.Await("started").status().pid(), SIGKILL);
  client.Await("backoff");  // by its policy; the one before would have left it
  const std::string output = Logged(protocol::LogStream::kStdout);
  EXPECT_EQ(client.Restart(2), "");
  client.Await("started");
  ASSERT_TRUE(Eventually([&] { return Logged(protocol::LogStream::kStdout) != output; }));
  client.Stop();
  EXPECT_EQ(client.Await("exited").status().last_exit().exit_code(), 5);
}

TEST_F(SuperviseTest, ASpecThatItDoesNotUnderstandIsRefusedAndTheOldOneStays) {
  Script("exec sleep 1000");
  Launch();
  Client client = Connect();
  client.Await("started");
  internal::LaunchSpec newer = spec_;
  newer.set_generation(2);
  newer.set_spec(spec_.spec() + std::string("\xc8\x01\x02"));  // field 100
  SuperviseRequest request;
  request.mutable_set_spec();
  EXPECT_EQ(client.Call(request, Memfd(newer).get()),
            "this supervisor is older than the spec: field 100 is none that this program knows; "
            "stop and start the process to have a newer one");
  EXPECT_EQ(client.Restart(1), "");
  EXPECT_EQ(client.Await("started").status().running_generation(), 1);
  internal::LaunchSpec kept;
  EXPECT_TRUE(kept.ParseFromString(Read(directory_ / "spec")));
  EXPECT_EQ(kept.generation(), 1);
}

TEST_F(SuperviseTest, ASpecThatWantsOtherCapabilitiesIsForANewInstance) {
  Script("exec sleep 1000");
  Launch();
  Client client = Connect();
  client.Await("started");
  process_spec_.low_ports = true;
  spec_.set_generation(2);
  SuperviseRequest request;
  request.mutable_set_spec();
  EXPECT_EQ(
      client.Call(request, SpecMemfd().get()),
      "this supervisor has not the capabilities of that spec: they begin with a new instance");
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
  process_spec_.restart = core::RestartPolicy::kAlways;
  Script("exit 1");
  Launch();
  Client client = Connect();
  client.Await("backoff");
  int64_t number = 0;
  do {  // two seconds; if it was started again meanwhile, the next delay is twice as long
    client.Await("backoff");
    EXPECT_EQ(client.Restart(++number, true), "");
  } while (client.seen.back().action() == "message");
  const Report started = client.Await("started");
  EXPECT_EQ(started.status().attempt(), 1);
  EXPECT_EQ(started.status().next_restart_time_ms(), 0);
  const Report backoff = client.Await("backoff");
  EXPECT_LE(backoff.status().next_restart_time_ms() - backoff.time_ms(), 1250);
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
  EXPECT_FALSE(fs::exists(directory_ / "ended"));
  if (leaf()) {
    EXPECT_FALSE(fs::exists(*leaf()));
  }
}

TEST_F(SuperviseTest, SigtermStopsTheProcessAndLeavesItWanted) {
  process_spec_.restart = core::RestartPolicy::kAlways;
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
  EXPECT_TRUE(fs::exists(directory_ / "ended")) << "it is to be told even after a boot";
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

// Makes the directory a disk of its own, of 1 MiB.
class SmallDisk {
 public:
  explicit SmallDisk(const fs::path& path) : path_(path) {
    mounted_ = mount("none", path_.c_str(), "tmpfs", 0, "size=1m") == 0;
  }
  ~SmallDisk() {
    if (mounted_) umount2(path_.c_str(), MNT_DETACH);
  }
  bool mounted() const { return mounted_; }
  // To the last byte.
  void Fill() const {
    const UniqueFd file(open((path_ / "filler").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600));
    const std::string bytes(4096, 'x');
    size_t size = bytes.size();
    while (size > 0) {
      if (write(file.get(), bytes.data(), size) <= 0) size /= 2;
    }
    EXPECT_EQ(errno, ENOSPC);
  }

 private:
  const fs::path path_;
  bool mounted_;
};

TEST_F(SuperviseTest, OnADiskThatIsFullToTheLastByteAStopIsDoneAndReported) {
  const SmallDisk disk(root_);
  if (!disk.mounted()) GTEST_SKIP() << "only root can mount a small disk";
  for (const std::string way : {"stop", "lost", "shutdown"}) {
    instance_ = RandomHex128();
    directory_ = root_ / "run/i" / instance_;
    fs::remove(root_ / "filler");
    fs::create_directories(directory_);
    Script("trap 'exit 0' TERM; echo $$ > $ROOT/" + way + "; while :; do sleep 0.01; done");
    Launch();
    Client client = Connect();
    client.Await("started");
    PidIn(way);
    disk.Fill();
    // These have to wait, and leave room for what is needed.
    for (int i = 1; i < 100; ++i) EXPECT_EQ(client.Restart(i, /*only_if_waiting=*/true), "");
    if (way == "lost") {
      KillSupervisor();
      Launch(false);
      client = Connect();
      client.Await("completed");  // its policy is never
    } else if (way == "stop") {
      client.Stop();
      EXPECT_TRUE(client.Await("exited").status().last_exit().requested());
      client.Await("stopped");
    } else {
      kill(supervisor_, SIGTERM);
      EXPECT_TRUE(client.Await("exited").status().last_exit().requested());
      EXPECT_EQ(AwaitEnd(), 0);
      EXPECT_TRUE(fs::exists(directory_ / "ended"));
      continue;
    }
    SuperviseRequest release;
    release.mutable_release();
    EXPECT_EQ(client.Call(release), "");
    EXPECT_EQ(AwaitEnd(), 0);
    EXPECT_TRUE(fs::exists(directory_ / "released"));
  }
}

TEST_F(SuperviseTest, OnAFullDiskThePresentStatusIsToldThoughTheJournalCannotTakeIt) {
  const SmallDisk disk(root_);
  if (!disk.mounted()) GTEST_SKIP() << "only root can mount a small disk";
  fs::create_directories(directory_);
  process_spec_.restart = core::RestartPolicy::kAlways;
  // Each report has the text of the last STATUS: a few of them are half of the reserve.
  Python("say('READY=1\\nSTATUS='+'x'*500)\ntime.sleep(1000)\n");
  Launch();
  Client client = Connect();
  client.Await("ready");
  disk.Fill();
  internal::InstanceStatus told = client.seen.back().status();
  int64_t restarts = 0;
  for (int crash = 1; crash <= 4 || told.seq() == client.seen.back().seq(); ++crash) {
    ASSERT_LT(crash, 20) << "the journal takes all of it";
    const int dead = told.pid();
    kill(dead, SIGKILL);
    // Whether by a report or beside the journal: what is so is told.
    do {
      const auto reply = client.Next();
      ASSERT_TRUE(reply) << "nothing more was told of crash " << crash;
      if (reply->has_report()) client.seen.push_back(reply->report());
      EXPECT_TRUE(reply->has_report() || reply->has_present());
      told = reply->has_present() ? reply->present() : reply->report().status();
      if (told.state() != internal::INSTANCE_BACKOFF &&
          told.state() != internal::INSTANCE_CRASH_LOOPING)
        continue;
      SuperviseRequest at_once;
      at_once.mutable_restart()->set_restart_number(++restarts);
      at_once.mutable_restart()->set_only_if_waiting(true);
      client.Send(at_once);
    } while (!told.ready() || told.pid() == dead);
    EXPECT_TRUE(Alive(told.pid()));
    EXPECT_EQ(told.last_exit().signal(), SIGKILL);
  }
  const int64_t last = told.seq();
  EXPECT_GT(last, client.seen.back().seq()) << "the journal had room for all of it";
  // One that comes now is told the same.
  Client other = Connect();
  EXPECT_GE(greeting_.seq(), last);
  EXPECT_EQ(other.AwaitPresent().pid(), told.pid());
  fs::remove(root_ / "filler");
  while (client.seen.back().seq() < last) {
    const auto reply = client.Next();
    ASSERT_TRUE(reply) << "the reports did not come";
    if (reply->has_report()) client.seen.push_back(reply->report());
  }
  EXPECT_EQ(client.seen.back().status().pid(), told.pid());
}

}  // namespace
}  // namespace grpc_os::supervise
