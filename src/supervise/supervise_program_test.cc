// The life of a process under the built grpc-os-supervise: executed, logged, restarted, stopped.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
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

#include "base/event_loop.h"
#include "base/limits.h"
#include "core/process/transition.h"
#include "supervise/journal.h"
#include "supervise/program_harness.h"

namespace grpc_os::supervise {
namespace {

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
  EXPECT_EQ(completed.seq(), static_cast<int64_t>(client.seen.size()));
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
    core::RestartPolicy policy;
    std::string script;
    std::string last;
  };
  const std::vector<Case> cases = {{core::RestartPolicy::kAlways, "exit 0", "backoff"},
                                   {core::RestartPolicy::kOnFailure, "exit 0", "completed"},
                                   {core::RestartPolicy::kOnFailure, "kill -TERM $$", "completed"},
                                   {core::RestartPolicy::kOnFailure, "kill -KILL $$", "backoff"},
                                   {core::RestartPolicy::kOnFailure, "exit 1", "backoff"},
                                   {core::RestartPolicy::kNever, "kill -SEGV $$", "completed"}};
  for (const Case& one : cases) {
    instance_ = RandomHex128();
    directory_ = root_ / "run/i" / instance_;
    fs::create_directories(directory_);
    process_spec_.restart = one.policy;
    Script(one.script);
    Launch();
    Client client = Connect();
    client.Await(one.last);
    EXPECT_EQ(client.Actions(), "started exited " + one.last) << one.script;
    if (one.last == "backoff") {
      const internal::InstanceStatus& status = client.seen.back().status();
      EXPECT_EQ(status.state(), internal::INSTANCE_BACKOFF);
      EXPECT_GE(status.next_restart_time_ms() - status.last_exit().exit_time_ms(), 1000);
      EXPECT_LE(status.next_restart_time_ms() - client.seen.back().time_ms(), 1250);
    }
    kill(supervisor_, SIGTERM);
    EXPECT_EQ(AwaitEnd(), 0);
  }
}

TEST_F(SuperviseTest, AReadyProcessThatCrashesRunsAgainAtOnce) {
  process_spec_.restart = core::RestartPolicy::kOnFailure;
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
  EXPECT_EQ(client.Actions(), "started exited started");
}

TEST_F(SuperviseTest, AReadyProcessThatEndsQuicklyRunsAgainAtOnceOnlyOnce) {
  process_spec_.restart = core::RestartPolicy::kAlways;
  Python("say('READY=1')\n");
  Launch();
  Client client = Connect();
  const Report backoff = client.Await("backoff");
  EXPECT_EQ(client.Actions(), "started exited started exited backoff");
  EXPECT_EQ(backoff.status().last_exit().exit_code(), 0);
  EXPECT_GE(backoff.status().next_restart_time_ms() - backoff.status().last_exit().exit_time_ms(),
            1000);
}

TEST_F(SuperviseTest, AStopEndsItByItsSignal) {
  Script("trap 'echo bye; exit 5' INT; echo up; while :; do sleep 0.01; done");
  process_spec_.stop_signal = SIGINT;
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
  process_spec_.stop_timeout_ms = 200;
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
  process_spec_.restart = core::RestartPolicy::kAlways;
  // The second execution looks for what the first left behind.
  Script(
      "if [ -e $ROOT/left ]; then read pages rest 2>/dev/null < /proc/$(cat $ROOT/left)/statm && "
      "[ $pages != 0 ] && echo STILL THERE; echo looked; exec sleep 1000; fi;"
      "setsid sleep 1000 & echo $! > $ROOT/left; exit 1");
  Launch();
  Client client = Connect();
  client.Await("backoff");
  EXPECT_EQ(client.Restart(1, /*only_if_waiting=*/true), "");
  if (client.seen.back().action() == "restarting") client.Await("started");
  ASSERT_TRUE(Eventually([&] { return Logged(protocol::LogStream::kStdout) != ""; }));
  EXPECT_EQ(Logged(protocol::LogStream::kStdout), "looked\n");
  // The clone into a cgroup that was killed did not meet the same end: see Descendants.
  EXPECT_THAT(Logged(protocol::LogStream::kSystem),
              ::testing::Not(::testing::HasSubstr("killed by")));
}

TEST_F(SuperviseTest, RunsAgainAfterItsCgroupWasKilledFromOutside) {
  if (!leaf()) GTEST_SKIP() << "there is no cgroup2 tree here";
  process_spec_.restart = core::RestartPolicy::kOnFailure;
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
  process_spec_.restart = core::RestartPolicy::kAlways;
  Script("sleep 1000 & wait");
  Launch();
  Client client = Connect();
  for (;;) {
    kill(client.Await("started").status().pid(), SIGKILL);
    const Report backoff = client.Await("backoff");
    if (rmdir(leaf()->c_str()) == 0) break;
    // Only because it was started again meanwhile: the next delay is twice as long.
    ASSERT_EQ(errno, EBUSY);
    ASSERT_GE(WallClockMs(), backoff.status().next_restart_time_ms());
  }
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
    process_spec_.restart = core::RestartPolicy::kAlways;
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

TEST_F(SuperviseTest, WhatRanBeforeIsTriedAgainWhateverKeepsItFromBeingExecuted) {
  const fs::path there = root_ / "current";
  const fs::path program = there / "app";
  const auto deploy = [&] {
    fs::remove_all(there);
    fs::create_directories(there);
    std::ofstream(program) << "#!/bin/sh\nexit 1\n";
    chmod(program.c_str(), 0755);
  };
  const struct Case {
    std::function<void()> breaks;
    std::string stage;
    int error;
  } cases[] = {{[&] { fs::remove(program); }, "exec", ENOENT},
               {[&] { chmod(program.c_str(), 0644); }, "exec", EACCES},
               {[&] { std::ofstream(program) << "half a program"; }, "exec", ENOEXEC},
               {[&] {
                  fs::remove(program);
                  fs::create_symlink("app", program);
                },
                "exec", ELOOP},
               {[&] { fs::remove_all(there); }, "chdir", ENOENT},
               {[&] {
                  fs::remove_all(there);
                  std::ofstream(there) << "";
                },
                "chdir", ENOTDIR}};
  deploy();
  *spec_.add_argv() = program.string();
  spec_.set_working_directory(there.string());
  process_spec_.restart = core::RestartPolicy::kOnFailure;
  Launch();
  Client client = Connect();
  client.Await("backoff");
  int64_t number = 0;
  for (const Case& one : cases) {
    one.breaks();
    EXPECT_EQ(client.Restart(++number), "");
    Report backoff;
    do {
      backoff = client.Await("backoff");
    } while (!HasFailure() && backoff.status().restart_number() < number);
    EXPECT_EQ(backoff.status().state(), internal::INSTANCE_BACKOFF);
    const internal::ExitInfo& exit = backoff.status().last_exit();
    EXPECT_EQ(exit.reason(), internal::ExitInfo::EXEC_FAILED);
    EXPECT_EQ(exit.stage(), one.stage);
    EXPECT_EQ(exit.error_number(), one.error) << strerror(exit.error_number());
    EXPECT_THAT(backoff.status().message(), ::testing::HasSubstr(strerror(one.error)));
    EXPECT_FALSE(client.Saw("failed"));
    deploy();
  }
  client.Await("started");  // by itself
}

TEST_F(SuperviseTest, WhatAnEarlierInstanceRanIsTriedAgainIfItsPolicySaysSo) {
  *spec_.add_argv() = "/not/mounted/yet/app";
  spec_.set_ran_before(true);
  for (const bool never : {false, true}) {
    instance_ = RandomHex128();
    directory_ = root_ / "run/i" / instance_;
    fs::create_directories(directory_);
    process_spec_.restart = never ? core::RestartPolicy::kNever : core::RestartPolicy::kAlways;
    Launch();
    Client client = Connect();
    const Report last = client.Await(never ? "failed" : "backoff");
    EXPECT_EQ(client.Actions(), never ? "failed" : "exited backoff");
    EXPECT_THAT(last.status().message(), ::testing::HasSubstr("No such file"));
    KillSupervisor();
  }
}

TEST_F(SuperviseTest, ATextFileThatIsBusyIsTriedAgain) {
  const fs::path program = root_ / "program";
  fs::copy_file("/bin/true", program);
  const UniqueFd writer(open(program.c_str(), O_WRONLY));
  *spec_.add_argv() = program.string();
  process_spec_.restart = core::RestartPolicy::kOnFailure;
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

TEST_F(SuperviseTest, TheLogIsByteForByteWhatWasPrinted) {
  process_spec_.log_max_bytes = 64 << 20;
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

TEST_F(SuperviseTest, ALineWithoutItsEndEndsWithItsRunAlsoIfTheSupervisorDies) {
  Script("printf FATAL; printf error >&2; exec sleep 1000");
  Launch();
  Client client = Connect();
  client.Await("started");
  const auto logged = [&](const std::string& text) {
    return Eventually([&] { return Logged(protocol::LogStream::kStdout) == text; }) &&
           Eventually([&] { return Logged(protocol::LogStream::kStderr).ends_with("error"); });
  };
  ASSERT_TRUE(logged("FATAL"));
  EXPECT_EQ(client.Restart(1), "");
  ASSERT_TRUE(logged("FATAL\nFATAL"));
  KillSupervisor();
  Launch(false);
  Client(Connect()).Await("completed");
  EXPECT_EQ(Logged(protocol::LogStream::kStdout), "FATAL\nFATAL\n");
  EXPECT_EQ(Logged(protocol::LogStream::kStderr), "error\nerror\n");
}

TEST_F(SuperviseTest, AWriterThatOutlivesEverythingDoesNotHoldTheExitForLong) {
  no_cgroup_ = true;
  // The test itself holds the write end of the payload's output open.
  Script("read line < $ROOT/fifo; exit 0");  // which never leads its output elsewhere
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

TEST_F(SuperviseTest, WhoConnectsAndSaysNothingGivesWayAndTheDaemonDoesNot) {
  Script("exec sleep 1000");
  Launch();
  Client osd = Connect();
  std::vector<UniqueFd> silent;
  for (int i = 0; i < 3 * limits::kControlConnections; ++i) {
    auto socket = protocol::ConnectTo(directory_.string(), "ctl.sock");
    ASSERT_TRUE(socket.ok()) << socket.status();
    silent.push_back(*std::move(socket));
  }
  Client second = Connect();
  EXPECT_EQ(greeting_.instance_id(), instance_);
  second.Await("started");
  osd.Stop();
  osd.Await("stopped");
}

TEST_F(SuperviseTest, OneThatNotifiesIsReadyWhenItSaysSo) {
  Python(
      "say('STATUS=loading')\n"
      "open(os.environ['ROOT']+'/fifo').read()\n"
      "say('READY=1\\nSTATUS=serving')\n"
      "time.sleep(1000)\n");
  ASSERT_EQ(mkfifo((root_ / "fifo").c_str(), 0600), 0);
  Launch();
  Client client = Connect();
  client.Await("started");
  const Report loading = client.Await("message");
  EXPECT_EQ(loading.status().message(), "loading");
  if (client.Saw("ready")) GTEST_SKIP() << "python3 took more than a second to begin";
  // More than a second passes: it is not taken for ready.
  std::this_thread::sleep_for(std::chrono::milliseconds(1200));
  std::ofstream(root_ / "fifo") << "go" << std::flush;
  const Report ready = client.Await("ready");
  EXPECT_EQ(client.Actions(), "started message");
  EXPECT_EQ(client.seen.back().action(), "ready");
  EXPECT_EQ(ready.status().message(), "serving");
}

TEST_F(SuperviseTest, TheFifthFailureIsACrashLoopThatAUserEnds) {
  process_spec_.restart = core::RestartPolicy::kOnFailure;
  Script("exec sleep 1000");
  {
    // Four are in the journal of the supervisor before this one.
    Journal journal(directory_.string());
    ASSERT_TRUE(journal.Open().ok());
    Report ready;
    ready.set_seq(1);
    ready.set_action("ready");
    ready.mutable_status()->set_state(internal::INSTANCE_RUNNING);
    ready.mutable_status()->set_attempt(5);
    ready.mutable_status()->set_pid(999'999'999);
    internal::Resume resume;
    resume.set_was_ready(true);
    for (int i = 4; i > 0; --i) {
      resume.add_failure_times_ms(EventLoop::NowMs() - int64_t{2} * i * core::kQuickEndMs);
    }
    journal.Add(ready, resume);
    ASSERT_TRUE(journal.Flush());
  }
  Launch();
  Client client = Connect(1);
  const Report loop = client.Await("crash_looping");
  EXPECT_EQ(client.Actions(), "exited crash_looping");
  EXPECT_EQ(loop.status().state(), internal::INSTANCE_CRASH_LOOPING);
  EXPECT_EQ(loop.status().attempt(), 5);
  EXPECT_GE(loop.status().next_restart_time_ms() - loop.status().last_exit().exit_time_ms(),
            60'000);
  EXPECT_EQ(client.Restart(1, true), "");
  EXPECT_EQ(client.Await("started").status().attempt(), 1);
}

}  // namespace
}  // namespace grpc_os::supervise
