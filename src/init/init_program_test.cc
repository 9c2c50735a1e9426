// The real program, with a daemon and supervisors that only tell what happens to them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "base/limits.h"
#include "init/program_harness.h"
#include "protocol/system_identity.h"

namespace grpc_os::init {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

const std::string kA = InstanceId('a');
const std::string kB = InstanceId('b');

// One packet, as it is, with a descriptor.
void SendWithDescriptor(const UniqueFd& socket, std::string content, const UniqueFd& descriptor) {
  iovec part{content.data(), content.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  cmsghdr* rights = CMSG_FIRSTHDR(&header);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(sizeof(int));
  const int fd = descriptor.get();
  memcpy(CMSG_DATA(rights), &fd, sizeof fd);
  ASSERT_EQ(sendmsg(socket.get(), &header, MSG_NOSIGNAL), static_cast<ssize_t>(content.size()));
}

TEST_F(ProgramTest, TheFileThatSupervisorsWriteToHasABound) {
  const std::filesystem::path logs = data_ + "/logs/system";
  std::filesystem::create_directories(logs);
  const auto make = [&](const char* name, int64_t bytes) {
    std::ofstream(logs / name) << "old";
    std::filesystem::resize_file(logs / name, static_cast<uintmax_t>(bytes));
  };
  make("supervise.log", 3);
  make("supervise.log.1", 2 * limits::kSystemLogBytes + 1);  // by those that have it open
  Start();
  Expect("osd");
  EXPECT_EQ(std::filesystem::file_size(logs / "supervise.log"), 3u);
  EXPECT_EQ(std::filesystem::file_size(logs / "supervise.log.1"), 0u);
}

TEST_F(ProgramTest, SaysWhatRunsOnceTheDaemonIsReady) {
  Start({"--grpc-port", "0", "--http-port", "0", "--env-file", "/etc/env"});
  const auto words = Expect("osd");
  EXPECT_THAT(std::vector<std::string>(words.begin() + 2, words.end()),
              ElementsAre("--data-dir", data_, "--grpc-port", "0", "--http-port", "0", "--env-file",
                          "/etc/env", "--boot-id", "boot-1"));
  std::ofstream(data_ + "/run/grpc.port") << "4711\n";
  const FakeOsd osd(data_);
  EXPECT_FALSE(osd.list().shielded());
  osd.SendReady();
  EXPECT_EQ(osd.Launch(kA).error(), "");  // answered after what came before it
  EXPECT_EQ(ReadFile(root_ + "/out"),
            "gRPC OS runs in " + data_ + " (API: unix:" + data_ +
                "/run/api.sock, 127.0.0.1:4711); processes are not shielded from each other (no "
                "--user); cgroups: " +
                osd.list().cgroup_mode() + "\n");
}

TEST_F(ProgramTest, ALaunchIsIdempotent) {
  const FakeOsd osd = StartReady();
  LaunchOne(osd, kA);
  EXPECT_EQ(osd.Launch(kA).error(), "");
  EXPECT_EQ(osd.Launch(kA).error(), "");
  LaunchOne(osd, kB);  // whose event is the next one
  EXPECT_THAT(FakeOsd(data_).instances(), ElementsAre(kA, kB));
}

TEST_F(ProgramTest, ASupervisorIsToldWhatItNeedsAndNoSecrets) {
  const FakeOsd osd = StartReady();
  const pid_t pid = LaunchOne(osd, kA);
  const std::string arguments = ReadFile(InstanceDirectory(kA) + "/arguments");
  EXPECT_THAT(arguments, StartsWith("--instance " + kA + " --process-id proc_1 --process-name web" +
                                    " --dir " + InstanceDirectory(kA) + " --log-dir " + data_ +
                                    "/logs/proc_1 --cgroup "));
  EXPECT_THAT(arguments, Not(HasSubstr("--uid")));
  const std::string environment = ReadFile("/proc/" + std::to_string(pid) + "/environ");
  EXPECT_THAT(environment, HasSubstr("GRPC_OS_FAILPOINT_DIR=" + root_));
  EXPECT_THAT(environment, Not(HasSubstr("DB_HOST")));
  const std::string of_daemon = "/proc/" + std::to_string(osds_.at(0)) + "/environ";
  const int64_t deadline = EventLoop::NowMs() + kPatienceMs;
  std::string environment_of_daemon;
  while ((environment_of_daemon = ReadFile(of_daemon)).empty()) {  // in the middle of its exec
    ASSERT_LT(EventLoop::NowMs(), deadline);
    sched_yield();
  }
  EXPECT_THAT(environment_of_daemon, HasSubstr("DB_HOST"));
}

// A program that closes or polls all it may have (select, fork servers) would suffer of a higher
// one.
TEST_F(ProgramTest, ASupervisorHasTheLimitOfDescriptorsThatInitFound) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit lowered = before;
  lowered.rlim_cur = 321;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &lowered), 0);
  const FakeOsd osd = StartReady();
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit found{};
  ASSERT_EQ(prlimit(LaunchOne(osd, kA), RLIMIT_NOFILE, nullptr, &found), 0);
  EXPECT_EQ(found.rlim_cur, 321u);
  EXPECT_EQ(found.rlim_max, before.rlim_max);
  ASSERT_EQ(prlimit(inits_.at(0), RLIMIT_NOFILE, nullptr, &found), 0);
  EXPECT_EQ(found.rlim_cur, found.rlim_max);  // its own work wants as many as there may be
}

TEST_F(ProgramTest, AKilledSupervisorIsLaunchedAgainFromItsRecord) {
  const FakeOsd osd = StartReady();
  const pid_t first = LaunchOne(osd, kA);
  kill(first, SIGKILL);
  const internal::InitReply reply = osd.Receive();
  EXPECT_EQ(reply.gone().instance_id(), kA);
  EXPECT_TRUE(reply.gone().relaunching());
  const auto words = Expect("supervise");
  EXPECT_EQ(words[1], kA);
  EXPECT_NE(words[2], std::to_string(first));
  EXPECT_EQ(words[3], "without-spec");
  internal::LaunchSpec kept;
  ASSERT_TRUE(kept.ParseFromString(ReadFile(InstanceDirectory(kA) + "/spec")));
  EXPECT_EQ(kept.process_id(), "proc_1");
}

TEST_F(ProgramTest, AReleasedInstanceIsGoneForGood) {
  const FakeOsd osd = StartReady();
  LaunchOne(osd, kA);
  const auto supervisor = protocol::ConnectTo(InstanceDirectory(kA), "ctl.sock");
  ASSERT_TRUE(supervisor.ok());
  internal::SuperviseRequest request;
  request.mutable_release();
  ASSERT_TRUE(protocol::SendPacket(supervisor->get(), request).ok());
  const internal::InitReply reply = osd.Receive();
  EXPECT_EQ(reply.gone().instance_id(), kA);
  EXPECT_FALSE(reply.gone().relaunching());
  EXPECT_FALSE(std::filesystem::exists(InstanceDirectory(kA)));
  EXPECT_THAT(FakeOsd(data_).instances(), IsEmpty());
}

TEST_F(ProgramTest, ATaskIsNoInstanceAndIsLaunchedAgainOnceToClearAway) {
  const FakeOsd osd = StartReady();
  osd.SendLaunch(kA, "", "web", /*task=*/true);
  EXPECT_EQ(osd.Receive().launched().error(), "");
  kill(std::stoi(Expect("supervise")[2]), SIGKILL);
  EXPECT_TRUE(osd.Receive().gone().relaunching());
  const auto words = Expect("supervise");
  EXPECT_EQ(words[1], kA);
  EXPECT_EQ(words[3], "without-spec");
  LaunchOne(osd, kB);  // of the same process: one does not stand for the other
  EXPECT_TRUE(std::filesystem::exists(InstanceDirectory(kA)));
  EXPECT_THAT(FakeOsd(data_).instances(), ElementsAre(kB));
}

TEST_F(ProgramTest, ATaskThatEndedLeavesNothingHoweverItEnded) {
  const FakeOsd osd = StartReady();
  osd.SendLaunch(kA, "", "web", /*task=*/true);
  EXPECT_EQ(osd.Receive().launched().error(), "");
  const pid_t first = std::stoi(Expect("supervise")[2]);
  osd.SendLaunch(kB, "", "web", /*task=*/true);
  EXPECT_EQ(osd.Receive().launched().error(), "");
  const pid_t second = std::stoi(Expect("supervise")[2]);
  kill(first, SIGTERM);  // as with a disk that is so full that it could not say that it is released
  internal::InitReply reply = osd.Receive();
  EXPECT_EQ(reply.gone().instance_id(), kA);
  EXPECT_FALSE(reply.gone().relaunching());
  EXPECT_FALSE(std::filesystem::exists(InstanceDirectory(kA)));
  kill(second, SIGKILL);
  EXPECT_TRUE(osd.Receive().gone().relaunching());
  Expect("stopped");
  kill(std::stoi(Expect("supervise")[2]), SIGKILL);
  reply = osd.Receive();
  EXPECT_EQ(reply.gone().instance_id(), kB);
  EXPECT_FALSE(reply.gone().relaunching());
  EXPECT_FALSE(std::filesystem::exists(InstanceDirectory(kB)));
}

TEST_F(ProgramTest, OneThatWasShutDownIsNotLaunchedAgainButKeepsItsRecord) {
  const FakeOsd osd = StartReady();
  const pid_t first = LaunchOne(osd, kA);
  kill(first, SIGTERM);
  Expect("stopped");
  EXPECT_FALSE(osd.Receive().gone().relaunching());
  EXPECT_TRUE(std::filesystem::exists(InstanceDirectory(kA) + "/launch"));
  EXPECT_THAT(FakeOsd(data_).instances(), IsEmpty());
  // A new instance of the process proves that nobody waits for the old one: no later init may take
  // it up beside it.
  LaunchOne(FakeOsd(data_), kB);
  EXPECT_FALSE(std::filesystem::exists(InstanceDirectory(kA)));
}

TEST_F(ProgramTest, ANewInitAdoptsWhatTheDeadOneLeft) {
  pid_t supervisor = 0;
  {
    const FakeOsd osd = StartReady();
    supervisor = LaunchOne(osd, kA);
    Kill(inits_.at(0));
  }
  const pid_t second = Start();
  EXPECT_THAT(Expect("hello"), ElementsAre("hello", kA, std::to_string(supervisor)));
  const FakeOsd osd(data_);
  EXPECT_THAT(osd.instances(), ElementsAre(kA));
  EXPECT_EQ(osd.Launch(kA).error(), "");
  // Its end is seen by its connection, as it is not a child.
  kill(supervisor, SIGKILL);
  EXPECT_TRUE(osd.Receive().gone().relaunching());
  EXPECT_EQ(Expect("supervise")[1], kA) << "nothing, not even the daemon, was started before";
  // The daemon is not a child either: it is asked by its connection.
  kill(second, SIGTERM);
  EXPECT_TRUE(osd.Receive().has_shutdown());
  ASSERT_TRUE(IsOsd(osds_.at(0)));
  kill(osds_.at(0), SIGKILL);
}

TEST_F(ProgramTest, ASupervisorThatDiedWithInitIsLaunchedAgain) {
  const FakeOsd osd = StartReady();
  const pid_t supervisor = LaunchOne(osd, kA);
  Kill(inits_.at(0));
  KillStranger(supervisor);
  Start();
  const auto words = Expect("supervise");
  EXPECT_EQ(words[1], kA);
  EXPECT_EQ(words[3], "without-spec");
}

TEST_F(ProgramTest, AnInstanceThatWasNeverFullyMadeIsForgotten) {
  Kill((StartReady(), inits_.at(0)));
  std::filesystem::create_directory(InstanceDirectory(kA));
  std::ofstream(InstanceDirectory(kA) + "/spec") << "x";
  std::filesystem::create_directory(InstanceDirectory(kB));
  std::ofstream(InstanceDirectory(kB) + "/launch") << "damaged";
  kill(osds_.at(0), SIGKILL);
  Start();
  Expect("osd");
  EXPECT_THAT(FakeOsd(data_).instances(), IsEmpty());
  EXPECT_FALSE(std::filesystem::exists(InstanceDirectory(kA)));
  EXPECT_FALSE(std::filesystem::exists(InstanceDirectory(kB)));
}

TEST_F(ProgramTest, ASecondInitIsRefused) {
  StartReady();
  const Ended second = Run();
  EXPECT_EQ(second.code, 1);
  EXPECT_THAT(second.err, HasSubstr("another grpc-os-init runs on " + data_));
  EXPECT_THAT(second.err, HasSubstr("--stop"));
}

TEST_F(ProgramTest, StopEndsTheControlPlaneAndLeavesTheProcesses) {
  const pid_t init = Start();
  const pid_t daemon = std::stoi(Expect("osd")[1]);
  const FakeOsd osd(data_);
  const pid_t supervisor = LaunchOne(osd, kA);
  EXPECT_EQ(Run({"--stop"}).code, 0);
  EXPECT_EQ(WaitFor(init).code, 0);
  EXPECT_FALSE(IsOsd(daemon));
  EXPECT_EQ(kill(supervisor, 0), 0);
  // There is no init any more: this ends the supervisor itself.
  EXPECT_EQ(Run({"--stop-all"}).code, 0);
  EXPECT_THAT(Expect("hello"), ElementsAre("hello", kA, std::to_string(supervisor)));
  EXPECT_THAT(Expect("stopped"), ElementsAre("stopped", kA));
}

TEST_F(ProgramTest, SigtermIsAStop) {
  const pid_t init = (StartReady(), inits_.at(0));
  kill(init, SIGTERM);
  EXPECT_EQ(WaitFor(init).code, 0);
  EXPECT_FALSE(IsOsd(osds_.at(0)));
}

TEST_F(ProgramTest, StopAllEndsEverything) {
  const FakeOsd osd = StartReady();
  LaunchOne(osd, kA);
  LaunchOne(osd, kB);
  const pid_t init = inits_.at(0);
  EXPECT_EQ(Run({"--stop-all"}).code, 0);
  Expect("stopped");
  Expect("stopped");
  EXPECT_EQ(WaitFor(init).code, 0);
  EXPECT_FALSE(IsOsd(osds_.at(0)));
}

// The end of a daemon and that of its connection come in any order.
TEST_F(ProgramTest, NoDaemonIsStartedOnceItWasEndedForGood) {
  std::optional<FakeOsd> osd(StartReady());
  const pid_t first = LaunchOne(*osd, kA);
  const pid_t frozen = LaunchOne(*osd, kB);
  Freeze(frozen);
  const pid_t stop = Start({"--stop-all"});
  EXPECT_THAT(Expect("stopped"), ElementsAre("stopped", kA)) << "so the daemon has ended";
  osd.reset();
  const FakeOsd other(data_, FakeOsd::kSilent);           // answered after init has seen that
  while (kill(first, 0) == 0) std::this_thread::yield();  // until init has reaped it
  const std::string init = std::to_string(inits_.at(0));
  EXPECT_EQ(ReadFile("/proc/" + init + "/task/" + init + "/children"),
            std::to_string(frozen) + " ");
  kill(frozen, SIGCONT);
  EXPECT_THAT(Expect("stopped"), ElementsAre("stopped", kB));
  EXPECT_EQ(WaitFor(stop).code, 0);
}

// Each depends on the next one: in no order that comes by itself.
const std::vector<std::string> kChain = {kB, InstanceId('d'), kA, InstanceId('c')};

void LaunchChain(const FakeOsd& osd) {
  for (size_t i = 0; i < kChain.size(); ++i) {
    const std::string name = "p" + std::to_string(i);
    const std::string next = "p" + std::to_string(i + 1);
    EXPECT_EQ(osd.Launch(kChain[i], "", name, {"gone", next}).error(), "");
  }
}

TEST_F(ProgramTest, StopAllStopsEachAfterThoseThatDependOnIt) {
  LaunchChain(StartReady());
  for (size_t i = 0; i < kChain.size(); ++i) Expect("supervise");
  EXPECT_EQ(Run({"--stop-all"}).code, 0);
  for (const std::string& id : kChain) EXPECT_THAT(Expect("stopped"), ElementsAre("stopped", id));
}

TEST_F(ProgramTest, StopAllStopsTheSystemsOwnAfterAllOthers) {
  const FakeOsd osd = StartReady();
  EXPECT_EQ(osd.LaunchSystem(kA, "", true).error(), "") << "without --user it has what init has";
  const pid_t own = std::stoi(Expect("supervise")[2]);
  const std::string web = InstanceId('c');
  const pid_t frozen = LaunchOne(osd, kB);
  LaunchOne(osd, web);
  // What is sent to them stays where it can be seen.
  for (const pid_t one : {own, frozen}) Freeze(one);
  const pid_t stop = Start({"--stop-all"});
  EXPECT_THAT(Expect("stopped"), ElementsAre("stopped", web)) << "the last that is told to";
  const auto is_told = [](pid_t pid) {
    const std::string status = ReadFile("/proc/" + std::to_string(pid) + "/status");
    const size_t at = status.find("ShdPnd:\t");
    EXPECT_NE(at, std::string::npos);
    return (std::stoull(status.substr(at + 8, 16), nullptr, 16) & (1U << (SIGTERM - 1))) != 0;
  };
  EXPECT_TRUE(is_told(frozen));
  EXPECT_FALSE(is_told(own));
  kill(frozen, SIGCONT);
  EXPECT_THAT(Expect("stopped"), ElementsAre("stopped", kB));
  kill(own, SIGCONT);
  EXPECT_THAT(Expect("stopped"), ElementsAre("stopped", kA));
  EXPECT_EQ(WaitFor(stop).code, 0);
}

TEST_F(ProgramTest, TheOrderIsKnownToOneThatDidNotLaunchThem) {
  LaunchChain(StartReady());
  for (size_t i = 0; i < kChain.size(); ++i) Expect("supervise");
  const pid_t init = inits_.at(0);
  EXPECT_EQ(Run({"--stop"}).code, 0);
  EXPECT_EQ(WaitFor(init).code, 0);
  EXPECT_EQ(Run({"--stop-all"}).code, 0);
  std::vector<std::string> stopped;
  while (stopped.size() < kChain.size()) {
    const std::vector<std::string> words = Next();
    ASSERT_FALSE(words.empty());
    if (words[0] == "stopped") stopped.push_back(words[1]);
  }
  EXPECT_EQ(stopped, kChain);
}

TEST_F(ProgramTest, StoppingWhereNothingRunsIsNoError) {
  EXPECT_EQ(Run({"--stop"}).code, 0);
  EXPECT_EQ(Run({"--stop-all"}).code, 0);
  EXPECT_FALSE(std::filesystem::exists(data_)) << "and makes nothing";
}

TEST_F(ProgramTest, AnotherBootForgetsTheInstancesOfTheLast) {
  {
    const FakeOsd osd = StartReady();
    const pid_t supervisor = LaunchOne(osd, kA);
    EXPECT_EQ(Run({"--stop"}).code, 0);
    WaitFor(inits_.at(0));
    KillStranger(supervisor);
  }
  WriteFile("boot_id", "boot-2\n");
  Start();
  EXPECT_EQ(Expect("osd").back(), "boot-2");
  EXPECT_THAT(FakeOsd(data_).instances(), IsEmpty());
  EXPECT_FALSE(std::filesystem::exists(InstanceDirectory(kA)));
  EXPECT_EQ(ReadFile(data_ + "/run/boot_id"), "boot-2\n");
}

TEST_F(ProgramTest, UnderAnotherBootWhatWasShutDownIsLaunchedAgainToTellOfItsEnd) {
  {
    const FakeOsd osd = StartReady();
    const pid_t supervisor = LaunchOne(osd, kA);
    const pid_t released = LaunchOne(osd, kB);
    EXPECT_EQ(Run({"--stop"}).code, 0);
    WaitFor(inits_.at(0));
    for (const pid_t pid : {supervisor, released}) KillStranger(pid);
  }
  for (const std::string& instance : {kA, kB})
    std::ofstream(InstanceDirectory(instance) + "/ended");
  { const std::ofstream released(InstanceDirectory(kB) + "/released"); }
  WriteFile("boot_id", "boot-2\n");
  Start();
  std::vector<std::vector<std::string>> told = {Next(), Next()};  // both come up at once
  std::sort(told.begin(), told.end());
  ASSERT_THAT(told, ElementsAre(Contains("osd"), Contains("supervise")));
  osds_.push_back(std::stoi(told[0].at(1)));
  EXPECT_EQ(told[0].back(), "boot-2");
  EXPECT_EQ(told[1].at(1), kA);
  EXPECT_EQ(told[1].back(), "without-spec");
  EXPECT_THAT(FakeOsd(data_).instances(), ElementsAre(kA));
  EXPECT_FALSE(std::filesystem::exists(InstanceDirectory(kB)));
}

TEST_F(ProgramTest, ADaemonThatEndsIsStartedAgain) {
  StartReady();
  kill(osds_.at(0), SIGKILL);
  Expect("osd");
  kill(osds_.at(1), SIGKILL);  // before it was ready
  Expect("osd");
  const FakeOsd osd(data_);
  EXPECT_EQ(osd.Launch(kA).error(), "");
}

TEST_F(ProgramTest, ADaemonThatServedAndDoesNotAnswerIsStartedAgain) {
  StartReady({"--health-interval", "1"});
  Expect("osd");
  EXPECT_FALSE(IsOsd(osds_.at(0)));
  EXPECT_THAT(ReadFile(data_ + "/logs/system/init.log"),
              AllOf(HasSubstr("no answer to 3 health checks in 3000 ms: cannot connect to "),
                    HasSubstr("/run/api.sock: No such file or directory; killed it\""),
                    HasSubstr("grpc-osd was ended by signal 9; starts it again\"")));
}

TEST_F(ProgramTest, OfADaemonWithoutMemoryItIsSaid) {
  WriteScript("osd", "#!/bin/sh\necho osd $$ > 'EVENTS'\nexit 71\n");
  Start();
  Expect("osd");
  Expect("osd");
  EXPECT_THAT(
      ReadFile(data_ + "/logs/system/init.log"),
      HasSubstr("grpc-osd exited with 71: it had no memory left; GRPC_OSD_MEMORY bounds it"));
}

TEST_F(ProgramTest, ADaemonThatRefusesItsConfigurationIsQuoted) {
  WriteScript("osd", "#!/bin/sh\necho 'set DB_TYPE to sqlite' >&$GRPC_OS_STARTUP_FD\nexit 78\n");
  const Ended ended = Run();
  EXPECT_EQ(ended.code, 1);
  EXPECT_EQ(ended.err, "grpc-os-init: set DB_TYPE to sqlite\n");
  EXPECT_EQ(ended.out, "");
}

TEST_F(ProgramTest, ADaemonThatCannotBeExecutedIsARefusal) {
  WriteScript("osd", "#!/no/such/interpreter\n");
  const Ended ended = Run();
  EXPECT_EQ(ended.code, 1);
  EXPECT_THAT(ended.err, HasSubstr("executing it failed"));
}

TEST_F(ProgramTest, ALaunchThatCannotBeIsRefusedAndLeavesNothing) {
  const FakeOsd osd = StartReady();
  EXPECT_THAT(osd.Launch("../x").error(), HasSubstr("instance id"));
  EXPECT_THAT(osd.Launch(kA, "", "../../etc").error(), HasSubstr("name"));
  const internal::LaunchResult refused = osd.Launch(kA, "nobody");
  EXPECT_TRUE(refused.account_refused());
  EXPECT_THAT(refused.error(), HasSubstr("--user"));
  chmod((root_ + "/supervise").c_str(), 0644);
  EXPECT_THAT(osd.Launch(kA).error(), HasSubstr("executing it failed"));
  EXPECT_TRUE(std::filesystem::is_empty(data_ + "/run/i"));
  chmod((root_ + "/supervise").c_str(), 0755);
  LaunchOne(osd, kA);
}

TEST_F(ProgramTest, WhatTheLastDaemonSentIsDoneBeforeTheNextOneIsAnswered) {
  const FakeOsd first = StartReady();
  FakeOsd second(data_, FakeOsd::kSilent);
  // Both have something to say when init looks, and the new one spoke first.
  kill(inits_.at(0), SIGSTOP);
  ASSERT_EQ(waitpid(inits_.at(0), nullptr, WUNTRACED), inits_.at(0));
  second.SendHello();
  for (const char digit : {'1', '2', '3'}) first.SendLaunch(InstanceId(digit));
  kill(inits_.at(0), SIGCONT);
  second.ReceiveInstances();
  EXPECT_THAT(second.instances(), ElementsAre(InstanceId('1'), InstanceId('2'), InstanceId('3')));
  internal::InitReply last;
  do {
    last = first.Receive();
  } while (last.has_launched());
  EXPECT_EQ(last.kind_case(), internal::InitReply::KIND_NOT_SET) << "the first is closed";
}

TEST_F(ProgramTest, WhoConnectsAndSaysNothingGivesWayAndTheDaemonDoesNot) {
  const FakeOsd osd = StartReady();
  std::vector<UniqueFd> silent;
  for (int i = 0; i < 3 * limits::kControlConnections; ++i) {
    auto connection = protocol::ConnectTo(data_ + "/run", "init.sock");
    ASSERT_TRUE(connection.ok()) << connection.status();
    silent.push_back(*std::move(connection));
  }
  LaunchOne(osd, kA);
  ASSERT_EQ(Run({"--stop"}).code, 0);
  EXPECT_EQ(WaitFor(inits_.at(0)).code, 0);
}

TEST_F(ProgramTest, DescriptorsThatNobodyAskedForDoNotKeepItFromStartingPrograms) {
  auto osd = std::make_unique<FakeOsd>(StartReady());
  rlimit few{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &few), 0);
  few.rlim_cur = 100;
  ASSERT_EQ(prlimit(inits_.at(0), RLIMIT_NOFILE, &few, nullptr), 0);
  const UniqueFd null(open("/dev/null", O_RDONLY | O_CLOEXEC));
  internal::InitRequest ping;  // that needs no descriptor, and a packet without content
  ping.mutable_ping();
  for (const std::string& content :
       {std::string(), ping.SerializeAsString(), std::string("\xff")}) {
    for (int i = 0; i < 100; ++i) {
      auto connection = protocol::ConnectTo(data_ + "/run", "init.sock");
      ASSERT_TRUE(connection.ok()) << connection.status();
      SendWithDescriptor(*connection, content, null);
      if (content.empty()) continue;
      pollfd answered{connection->get(), POLLIN, 0};
      ASSERT_EQ(poll(&answered, 1, kPatienceMs), 1);
    }
  }
  LaunchOne(*osd, kA);
  osd.reset();
  kill(osds_.at(0), SIGKILL);
  Expect("osd");
  LaunchOne(FakeOsd(data_), kB);
}

TEST_F(ProgramTest, KilledOnceALaunchWasReceived) {
  WriteFile("init.launch.received", "");
  const FakeOsd osd = StartReady();
  osd.SendLaunch(kA);
  EXPECT_EQ(WaitFor(inits_.at(0)).code, -1);
  EXPECT_TRUE(std::filesystem::exists(root_ + "/init.launch.received.hit"));
  Start();
  // No osd event: it lives. The launch is asked again, and happens once.
  for (const pid_t daemon : osds_) EXPECT_TRUE(IsOsd(daemon));
  WaitForListener();
  const FakeOsd again(data_);
  EXPECT_THAT(again.instances(), IsEmpty());
  LaunchOne(again, kA);
}

TEST_F(ProgramTest, KilledOnceASupervisorWasLaunched) {
  WriteFile("init.launch.forked", "");
  const FakeOsd osd = StartReady();
  osd.SendLaunch(kA);
  EXPECT_EQ(WaitFor(inits_.at(0)).code, -1);
  EXPECT_TRUE(std::filesystem::exists(root_ + "/init.launch.forked.hit"));
  const auto words = Expect("supervise");
  Start();
  EXPECT_THAT(Expect("hello"), ElementsAre("hello", kA, words[2]));
  const FakeOsd again(data_);
  EXPECT_EQ(again.Launch(kA).error(), "");
  EXPECT_EQ(again.Launch(kB).error(), "");
  EXPECT_EQ(Expect("supervise")[1], kB) << "the first was not started a second time";
}

TEST_F(ProgramTest, KilledWhileItAdopts) {
  {
    const FakeOsd osd = StartReady();
    LaunchOne(osd, kA);
    LaunchOne(osd, kB);
    Kill(inits_.at(0));
  }
  WriteFile("init.adopt", "");
  EXPECT_EQ(Run().code, -1);
  EXPECT_TRUE(std::filesystem::exists(root_ + "/init.adopt.hit"));
  Start();
  for (int i = 0; i < 3; ++i) Expect("hello");  // one from the one that was killed
  EXPECT_THAT(FakeOsd(data_).instances(), ElementsAre(kA, kB));
}

// What is held of it, and why, is in its file.
std::string HeldIn(const std::string& data) {
  const UniqueFd directory(open(data.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  const auto identity = protocol::ReadSystemIdentity(directory.get());
  EXPECT_TRUE(identity.ok() && identity->has_value());
  return identity.ok() && identity->has_value() ? (*identity)->held : "";
}

TEST_F(ProgramTest, ACopyBesideItsOriginalLaunchesNothingThatWasRunning) {
  const FakeOsd original = StartReady();
  LaunchOne(original, kA);
  const std::string home = std::exchange(data_, root_ + "/copy");
  ASSERT_EQ(system(("cp -r " + home + " " + data_).c_str()), 0);
  Start();
  const auto words = Expect("osd");  // and no supervisor before it
  const FakeOsd osd(data_);
  EXPECT_THAT(osd.instances(), IsEmpty());
  EXPECT_FALSE(std::filesystem::exists(InstanceDirectory(kA)));
  EXPECT_THAT(HeldIn(data_), HasSubstr("a copy of " + home));
  EXPECT_EQ(HeldIn(home), "");
  Kill(inits_.back());
  // It is a system of its own now, and stays held, whatever becomes of the original.
  LaunchOne(FakeOsd(home), kB);
  Start();
  WaitForListener();
  EXPECT_THAT(FakeOsd(data_).instances(), IsEmpty());
  EXPECT_THAT(HeldIn(data_), HasSubstr("a copy of " + home));
  Kill(inits_.back());
  kill(std::stoi(words[1]), SIGKILL);
  data_ = home;
}

TEST_F(ProgramTest, AMovedOrRenamedDirectoryGoesOnAsItWas) {
  for (const char* name : {"/moved", "/renamed/deeper"}) {
    const FakeOsd osd = StartReady();
    const pid_t supervisor = LaunchOne(osd, kA);
    Kill(inits_.back());
    KillStranger(supervisor);
    KillStranger(osds_.back());
    std::filesystem::create_directories(root_ + "/renamed");
    std::filesystem::rename(data_, root_ + name);
    data_ = root_ + name;
    Start();
    std::vector<std::string> first = Next();  // in any order
    std::vector<std::string> second = Next();
    if (!first.empty() && first[0] == "osd") std::swap(first, second);
    ASSERT_TRUE(first.size() > 2 && second.size() > 1);
    EXPECT_EQ(first[0] + " " + first[1], "supervise " + kA) << "it is launched again";
    EXPECT_EQ(HeldIn(data_), "");
    Kill(inits_.back());
    KillStranger(std::stoi(first[2]));
    KillStranger(std::stoi(second[1]));
    std::filesystem::remove_all(InstanceDirectory(kA));
  }
}

TEST_F(ProgramTest, ARebootHoldsNothingAndAnotherMachineDoes) {
  WriteFile("machine-id", "m1\n");
  const std::vector<std::string> option = {"--machine-id-file", root_ + "/machine-id"};
  (void)StartReady(option);
  Kill(inits_.back());
  KillStranger(osds_.back());
  WriteFile("boot_id", "boot-2\n");
  (void)StartReady(option);
  EXPECT_EQ(HeldIn(data_), "");
  Kill(inits_.back());
  KillStranger(osds_.back());
  WriteFile("machine-id", "m2\n");
  (void)StartReady(option);
  EXPECT_THAT(HeldIn(data_), HasSubstr("another machine"));
  Kill(inits_.back());
  KillStranger(osds_.back());
  // Until someone ends the hold: the machine is the same from now on.
  (void)StartReady(option);
  EXPECT_THAT(HeldIn(data_), HasSubstr("another machine"));
}

TEST_F(ProgramTest, ANoteOfTheDaemonIsShownBeforeItServesAndARefusalAfterItToo) {
  WriteScript("osd", std::string("#!/bin/sh\necho 'note: reads all of it' >&3\n") +
                         "while [ ! -e " + root_ + "/go ]; do sleep 0.01; done\n" +
                         "echo 'it is damaged' >&3\nexit 78\n");
  const pid_t init = Start();
  const int64_t deadline = EventLoop::NowMs() + kPatienceMs;
  while (ReadFile(root_ + "/out") != "reads all of it\n") {
    ASSERT_LT(EventLoop::NowMs(), deadline);
    sched_yield();
  }
  WriteFile("go", "");
  const Ended ended = WaitFor(init);
  EXPECT_EQ(ended.code, 1);
  EXPECT_EQ(ended.err, "grpc-os-init: it is damaged\n");
}

TEST_F(ProgramTest, SecretsOfItsEnvironmentAreNotShownByTheKernel) {
  setenv("JWT_SECRET", "0123456789abcdef0123456789abcdef", 1);
  setenv("GRPC_OS_ADMIN_PASSWORD", "correct horse battery", 1);
  LaunchOne(StartReady(), kA);  // answered after the daemon was ready
  unsetenv("JWT_SECRET");
  unsetenv("GRPC_OS_ADMIN_PASSWORD");
  const std::string ours = ReadFile("/proc/" + std::to_string(inits_.at(0)) + "/environ");
  EXPECT_THAT(ours, HasSubstr("JWT_SECRET="));
  EXPECT_THAT(ours, Not(HasSubstr("0123456789abcdef")));
  EXPECT_THAT(ours, Not(HasSubstr("correct horse")));
  // The next daemon signs with the same key and needs no first password any more.
  KillStranger(osds_.at(0));
  const auto words = Expect("osd");
  const int64_t deadline = EventLoop::NowMs() + kPatienceMs;
  std::string theirs;
  while ((theirs = ReadFile("/proc/" + words[1] + "/environ")).empty()) {  // in its exec
    ASSERT_LT(EventLoop::NowMs(), deadline);
    sched_yield();
  }
  EXPECT_THAT(theirs, HasSubstr("JWT_SECRET=0123456789abcdef"));
  EXPECT_THAT(theirs, Not(HasSubstr("correct horse")));
}

TEST_F(ProgramTest, DirectoriesThatCannotBeUsedAreRefusedWithTheCure) {
  WriteFile("file", "");
  data_ = root_ + "/file/data";
  Ended ended = Run();
  EXPECT_EQ(ended.code, 1);
  EXPECT_THAT(ended.err, HasSubstr("choose another --data-dir"));
  data_ = root_ + "/" + std::string(120, 'x');
  ended = Run();
  EXPECT_EQ(ended.code, 1);
  EXPECT_THAT(ended.err, HasSubstr("choose a shorter --data-dir"));
  EXPECT_FALSE(std::filesystem::exists(data_));
}

TEST_F(ProgramTest, AUsageErrorIsExitCodeTwo) {
  const Ended ended = Run({"--frobnicate"});
  EXPECT_EQ(ended.code, 2);
  EXPECT_THAT(ended.err, HasSubstr("--frobnicate"));
}

}  // namespace
}  // namespace grpc_os::init
