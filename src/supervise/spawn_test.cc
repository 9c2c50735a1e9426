#include "supervise/spawn.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace grpc_os::supervise {
namespace {

namespace fs = std::filesystem;

class SpawnTest : public ::testing::Test {
 protected:
  SpawnTest() {
    std::string name = (fs::temp_directory_path() / "spawn_test.XXXXXX").string();
    root_ = mkdtemp(name.data());
    chmod(root_.c_str(), 0755);
    command_.environment = {"PATH=/usr/bin:/bin"};
    command_.working_directory = root_;
  }
  ~SpawnTest() override { fs::remove_all(root_); }

  struct Ran {
    Outcome outcome;
    std::string out;
    std::string err;
    int status = -1;
  };
  Ran Run() {
    Ran ran;
    SpawnResult result = Spawn(command_, cgroup::Leaf());
    EXPECT_FALSE(result.failure.has_value());
    pollfd ready{result.child.outcome_pipe.get(), POLLIN, 0};
    EXPECT_EQ(poll(&ready, 1, 30'000), 1);
    ran.outcome = ReadOutcome(result.child.outcome_pipe.get());
    ran.out = ReadToEnd(result.child.stdout_pipe.get());
    ran.err = ReadToEnd(result.child.stderr_pipe.get());
    waitpid(result.child.pid, &ran.status, 0);
    return ran;
  }
  void Shell(const std::string& script) { command_.argv = {"sh", "-c", script}; }
  static std::string ReadToEnd(int fd) {
    fcntl(fd, F_SETFL, 0);
    std::string all;
    char buffer[4096];
    for (ssize_t size = 0; (size = read(fd, buffer, sizeof buffer)) > 0;) {
      all.append(buffer, static_cast<size_t>(size));
    }
    return all;
  }

  std::string root_;
  Command command_;
};

TEST_F(SpawnTest, ExecutesAndConnectsBothOutputs) {
  Shell("echo out; echo err >&2; exit 3");
  const Ran ran = Run();
  EXPECT_EQ(ran.outcome.kind, Outcome::Kind::kExecuted);
  EXPECT_EQ(ran.out, "out\n");
  EXPECT_EQ(ran.err, "err\n");
  EXPECT_EQ(WEXITSTATUS(ran.status), 3);
}

TEST_F(SpawnTest, LooksForTheProgramInThePathOfTheSpec) {
  fs::create_directories(root_ + "/first");
  fs::create_directories(root_ + "/second");
  std::ofstream(root_ + "/first/tool") << "#!/bin/sh\necho not executable\n";
  std::ofstream(root_ + "/second/tool") << "#!/bin/sh\necho second\n";
  chmod((root_ + "/second/tool").c_str(), 0755);
  command_.environment = {"PATH=/no/such:" + root_ + "/first:" + root_ + "/second"};
  command_.argv = {"tool"};
  EXPECT_EQ(Run().out, "second\n");
  command_.environment = {"PATH=" + root_ + "/first"};
  const Outcome denied = Run().outcome;
  EXPECT_EQ(denied.kind, Outcome::Kind::kFailed);
  EXPECT_EQ(denied.failure.error_number, EACCES);
  command_.environment = {"PATH="};  // the working directory
  command_.working_directory = root_ + "/second";
  EXPECT_EQ(Run().out, "second\n");
  command_.environment = {};  // the usual directories
  command_.argv = {"echo", "usual"};
  EXPECT_EQ(Run().out, "usual\n");
}

TEST_F(SpawnTest, TheSystemsPathIsThatOfOursWithoutWhatIsRelative) {
  EXPECT_EQ(SystemPath("/opt/py/bin:.::bin:/usr/bin:~/bin"), "/opt/py/bin:/usr/bin");
  EXPECT_EQ(SystemPath(""), "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
  EXPECT_EQ(SystemPath("."), SystemPath(""));
}

// A directory of root's in PATH, which the account may not search, hides nothing and refuses
// nothing.
TEST_F(SpawnTest, WhatItMayNotSeeInPathIsNotThere) {
  if (geteuid() != 0) GTEST_SKIP() << "another account takes root";
  fs::create_directories(root_ + "/closed");
  std::ofstream(root_ + "/closed/tool") << "#!/bin/sh\n";
  chmod((root_ + "/closed/tool").c_str(), 0755);
  chmod((root_ + "/closed").c_str(), 0700);
  command_.account =
      Account{.uid = 65534, .gid = 65534, .groups = {}, .name = "", .home = "", .shell = ""};
  command_.environment = {"PATH=" + root_ + "/closed:/usr/bin"};
  command_.argv = {"tool"};
  EXPECT_EQ(Run().outcome.failure.error_number, ENOENT);
}

TEST_F(SpawnTest, TheChildThatFailedSaysWhatItSees) {
  command_.environment = {"PATH=" + root_};
  std::ofstream(root_ + "/python3") << "#!/bin/sh\n";
  chmod((root_ + "/python3").c_str(), 0755);
  command_.argv = {"python"};
  EXPECT_EQ(Run().outcome.failure.explanation,
            "there is python3; name the program by its path, or set PATH, which is " + root_);
  command_.argv = {"./none"};
  EXPECT_EQ(Run().outcome.failure.explanation, "");
}

TEST_F(SpawnTest, AnAccountHasItsGroupsAndNoOthers) {
  if (geteuid() != 0) GTEST_SKIP() << "another account takes root";
  command_.account = Account{
      .uid = 65534, .gid = 65534, .groups = {1234, 65534}, .name = "", .home = "", .shell = ""};
  Shell("grep Groups: /proc/self/status");
  EXPECT_EQ(Run().out, "Groups:\t1234 65534 \n");
  command_.account->groups = {};
  EXPECT_EQ(Run().out, "Groups:\t \n");
}

TEST_F(SpawnTest, SaysWhatFailedWhere) {
  command_.argv = {"no-such-program"};
  Ran ran = Run();
  EXPECT_EQ(ran.outcome.kind, Outcome::Kind::kFailed);
  EXPECT_STREQ(ran.outcome.failure.stage, "exec");
  EXPECT_EQ(ran.outcome.failure.error_number, ENOENT);
  command_.argv = {""};
  EXPECT_EQ(Run().outcome.failure.error_number, ENOENT);
  command_.argv = {"true", std::string(140'000, 'x')};
  EXPECT_EQ(Run().outcome.failure.error_number, E2BIG);
  command_.argv = {"true"};
  command_.working_directory = root_ + "/absent";
  ran = Run();
  EXPECT_STREQ(ran.outcome.failure.stage, "chdir");
  EXPECT_EQ(ran.outcome.failure.error_number, ENOENT);
}

TEST_F(SpawnTest, GivesNeitherDescriptorsNorSignalSettingsAway) {
  const UniqueFd null(open("/dev/null", O_RDONLY | O_CLOEXEC));
  // Not CLOEXEC, and above whatever the shell opens for itself.
  const UniqueFd leak(fcntl(null.get(), F_DUPFD, 200));
  ASSERT_GE(leak.get(), 200);
  const auto old = signal(SIGUSR1, SIG_IGN);
  sigset_t blocked;
  sigset_t before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR2);
  sigprocmask(SIG_BLOCK, &blocked, &before);
  Shell(
      "ls /proc/$$/fd | tr '\\n' ' '; grep -E 'Sig(Blk|Ign)' /proc/self/status; readlink "
      "/proc/$$/fd/0");
  const std::string out = Run().out;
  sigprocmask(SIG_SETMASK, &before, nullptr);
  signal(SIGUSR1, old);
  EXPECT_THAT(out, ::testing::StartsWith("0 1 2 "));
  EXPECT_THAT(out, ::testing::Not(::testing::HasSubstr(" " + std::to_string(leak.get()) + " ")));
  EXPECT_THAT(out, ::testing::HasSubstr(
                       "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n/dev/null\n"));
}

TEST_F(SpawnTest, TheChildDiesWithItsParent) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  command_.argv = {"sleep", "1000"};
  const pid_t parent = fork();
  if (parent == 0) {
    const SpawnResult result = Spawn(command_, cgroup::Leaf());
    char byte = 0;
    fcntl(result.child.outcome_pipe.get(), F_SETFL, 0);
    while (read(result.child.outcome_pipe.get(), &byte, 1) < 0) {  // executed
    }
    (void)!write(write_end.get(), &result.child.pid, sizeof result.child.pid);
    for (;;) pause();
  }
  pid_t child = 0;
  ASSERT_EQ(read(read_end.get(), &child, sizeof child), static_cast<ssize_t>(sizeof child));
  const UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, child, 0)));
  ASSERT_TRUE(pidfd);
  kill(parent, SIGKILL);
  waitpid(parent, nullptr, 0);
  pollfd dead{pidfd.get(), POLLIN, 0};
  EXPECT_EQ(poll(&dead, 1, 30'000), 1);
}

TEST_F(SpawnTest, AnAccountGetsItsIdentityAndNothingElse) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  command_.account = Account{65534, 65534, {}, "nobody", "/nonexistent", "/bin/sh"};
  Shell("id -u; id -g; id -G; grep -E 'Cap|NoNewPrivs' /proc/$$/status");
  const Ran ran = Run();
  EXPECT_EQ(ran.outcome.kind, Outcome::Kind::kExecuted);
  EXPECT_EQ(ran.out,
            "65534\n65534\n65534\n"
            "CapInh:\t0000000000000000\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n"
            "CapBnd:\t0000000000000000\nCapAmb:\t0000000000000000\nNoNewPrivs:\t1\n");
}

TEST_F(SpawnTest, AnAccountWithLowPortsHasThatCapabilityAndNoOther) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  command_.account = Account{65534, 65534, {}, "nobody", "/nonexistent", "/bin/sh", true};
  Shell("id -u; grep -E 'Cap|NoNewPrivs' /proc/$$/status");
  EXPECT_EQ(Run().out,
            "65534\n"
            "CapInh:\t0000000000000400\nCapPrm:\t0000000000000400\nCapEff:\t0000000000000400\n"
            "CapBnd:\t0000000000000400\nCapAmb:\t0000000000000400\nNoNewPrivs:\t1\n");
}

TEST_F(SpawnTest, ADirectoryThatTheAccountCannotEnterIsAnError) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  const std::string closed = root_ + "/closed";
  fs::create_directories(closed);
  chmod(closed.c_str(), 0700);
  command_.account = Account{65534, 65534, {}, "nobody", "/nonexistent", "/bin/sh"};
  command_.working_directory = closed;
  command_.argv = {"true"};
  const Ran ran = Run();
  EXPECT_STREQ(ran.outcome.failure.stage, "chdir");
  EXPECT_EQ(ran.outcome.failure.error_number, EACCES);
}

}  // namespace
}  // namespace grpc_os::supervise
