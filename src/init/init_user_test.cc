// The real program with --user, and as PID 1. Needs root; skipped without.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>

#include <set>

#include "init/accounts.h"
#include "init/program_harness.h"

namespace grpc_os::init {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string kA = InstanceId('a');
const std::string kB = InstanceId('b');

// Accounts that every Debian has.
constexpr char kControl[] = "daemon";
constexpr char kPayload[] = "nobody";
constexpr char kSystem[] = "www-data";

class UserTest : public ProgramTest {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    ProgramTest::SetUp();
    WriteFile("accounts", std::string(kPayload) + "\n");
    chmod((root_ + "/accounts").c_str(), 0644);
  }
  void TearDown() override {
    if (!root_.empty()) ProgramTest::TearDown();
  }
  std::vector<std::string> AsUser() const {
    return {"--user",
            kControl,
            "--accounts",
            root_ + "/accounts",
            "--system-accounts",
            root_ + "/system-accounts"};
  }
  static std::string StatusLine(pid_t pid, const std::string& key) {
    std::istringstream lines(ReadFile("/proc/" + std::to_string(pid) + "/status"));
    std::string line;
    while (std::getline(lines, line)) {
      if (line.rfind(key + ":\t", 0) == 0) return line.substr(key.size() + 2);
    }
    return "";
  }
  void WriteSystemAccounts(const std::string& names) const {
    WriteFile("system-accounts", names);
    chmod((root_ + "/system-accounts").c_str(), 0644);
  }
  // What a real supervisor runs, once it does. A task ends with the connection.
  struct Running {
    UniqueFd connection;
    pid_t pid = 0;
  };
  Running AwaitRunning(const std::string& instance) const {
    auto socket = protocol::ConnectTo(InstanceDirectory(instance), "ctl.sock");
    if (!socket.ok()) return {};
    internal::SuperviseRequest request;
    request.mutable_hello()->set_instance_id(instance);
    request.mutable_hello()->set_role("osd");
    EXPECT_TRUE(protocol::SendPacket(socket->get(), request).ok());
    pollfd ready{socket->get(), POLLIN, 0};
    while (poll(&ready, 1, kPatienceMs) == 1) {
      const auto packet = protocol::ReceivePacket(socket->get());
      internal::SuperviseReply reply;
      if (!packet.ok() || packet->closed || !reply.ParseFromString(packet->bytes)) return {};
      const auto& status = reply.has_hello() ? reply.hello() : reply.report().status();
      if (status.state() == internal::INSTANCE_RUNNING) return {*std::move(socket), status.pid()};
    }
    return {};
  }
  struct stat Stat(const std::string& path) const {
    struct stat status {};
    EXPECT_EQ(lstat((data_ + path).c_str(), &status), 0) << path;
    return status;
  }
};

int CountWords(const std::string& text) {
  std::istringstream stream(text);
  std::string word;
  int count = 0;
  while (stream >> word) ++count;
  return count;
}

std::string FourTimes(uid_t id) {
  const std::string one = std::to_string(id);
  return one + "\t" + one + "\t" + one + "\t" + one;
}

TEST_F(UserTest, TheDaemonIsAnotherAccountWithoutAnyCapability) {
  const Account control = *AccountDatabase().Find(kControl);
  const FakeOsd osd = StartReady(AsUser());
  EXPECT_TRUE(osd.list().shielded());
  const pid_t daemon = osds_.at(0);
  EXPECT_EQ(StatusLine(daemon, "Uid"), FourTimes(control.uid));
  EXPECT_EQ(StatusLine(daemon, "Gid"), FourTimes(control.gid));
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"}) {
    EXPECT_EQ(StatusLine(daemon, set), "0000000000000000") << set;
  }
  EXPECT_EQ(osd.Launch(kA).error(), "");
  EXPECT_THAT(ReadFile(root_ + "/out"), HasSubstr("processes are shielded from each other;"));
}

TEST_F(UserTest, ASupervisorKeepsWhatItTakesToBecomeAndEndItsProcess) {
  const Account control = *AccountDatabase().Find(kControl);
  const Account payload = *AccountDatabase().Find(kPayload);
  const FakeOsd osd = StartReady(AsUser());
  const pid_t supervisor = LaunchOne(osd, kA);
  EXPECT_EQ(StatusLine(supervisor, "Uid"), FourTimes(control.uid));
  // CAP_KILL 5, CAP_SETGID 6, CAP_SETUID 7.
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"}) {
    EXPECT_EQ(StatusLine(supervisor, set), "00000000000000e0") << set;
  }
  EXPECT_THAT(
      ReadFile(InstanceDirectory(kA) + "/arguments"),
      HasSubstr(" --uid " + std::to_string(payload.uid) + " --gid " + std::to_string(payload.gid) +
                " --account nobody --groups " + std::to_string(payload.gid) + " --home " +
                payload.home + " --shell " + payload.shell));
}

TEST_F(UserTest, EveryDirectoryHasItsOwnerAndMode) {
  const Account control = *AccountDatabase().Find(kControl);
  const Account payload = *AccountDatabase().Find(kPayload);
  const FakeOsd osd = StartReady(AsUser());
  LaunchOne(osd, kA);
  const struct Expected {
    const char* path;
    uid_t uid;
    mode_t mode;
  } expected[] = {
      {"", control.uid, 0711},
      {"/run", control.uid, 0750},
      {"/run/i", control.uid, 0700},
      {"/logs", control.uid, 0700},
      {"/processes", 0, 0711},
      {"/processes/web", payload.uid, 0700},
      {"/run/init.sock", control.uid, 0600},
      {"/run/init.lock", control.uid, 0600},
  };
  for (const Expected& one : expected) {
    const struct stat status = Stat(one.path);
    EXPECT_EQ(status.st_uid, one.uid) << one.path;
    EXPECT_EQ(status.st_mode & 07777, one.mode) << one.path;
  }
  EXPECT_EQ(Stat("/run/i/" + kA + "/ctl.sock").st_uid, control.uid);
  EXPECT_EQ(Stat("/run/i/" + kA + "/launch").st_uid, control.uid);
  EXPECT_EQ(Stat("/logs/system/osd.log").st_uid, control.uid);
}

TEST_F(UserTest, TheDirectoryOfADeletedProcessGoesIfItIsEmpty) {
  const FakeOsd osd = StartReady(AsUser());
  LaunchOne(osd, kA);
  const std::string directory = data_ + "/processes/web";
  const auto remove = [&osd](const std::string& name) {
    internal::InitRequest request;
    request.mutable_remove_process_directory()->set_process_name(name);
    osd.Send(request);
    request.mutable_ping();  // in their order
    osd.Send(request);
    EXPECT_TRUE(osd.Receive().has_pong());
  };
  std::ofstream(directory + "/kept") << "x";
  remove("web");
  EXPECT_TRUE(std::filesystem::exists(directory + "/kept"));
  std::filesystem::remove(directory + "/kept");
  remove("../run");
  remove("web/..");
  EXPECT_TRUE(std::filesystem::exists(data_ + "/run"));
  EXPECT_TRUE(std::filesystem::exists(directory));
  remove("web");
  EXPECT_FALSE(std::filesystem::exists(directory));
  remove("web");
}

TEST_F(UserTest, AccountsThatAreNotAllowedAreRefused) {
  const FakeOsd osd = StartReady(AsUser());
  for (const char* account : {"root", kControl, "bin", "no-such-account"}) {
    const internal::LaunchResult result = osd.Launch(kA, account);
    EXPECT_TRUE(result.account_refused()) << account;
    EXPECT_THAT(result.error(), HasSubstr(account));
  }
  EXPECT_TRUE(std::filesystem::is_empty(data_ + "/run/i"));
}

TEST_F(UserTest, TheSystemsOwnHaveAccountsOfASecondList) {
  const FakeOsd osd = StartReady(AsUser());
  internal::LaunchResult result = osd.LaunchSystem(kA, "", false);
  EXPECT_TRUE(result.account_refused());
  EXPECT_THAT(result.error(), HasSubstr("the accounts that the system's own processes may run as"))
      << "there is no list";
  WriteSystemAccounts(std::string(kSystem) + "\ngames\n");
  for (const char* account : {kPayload, "root", kControl, "no-such-account"}) {
    result = osd.LaunchSystem(kA, account, false);
    EXPECT_TRUE(result.account_refused()) << account;
    EXPECT_THAT(result.error(), HasSubstr(account));
  }
  EXPECT_TRUE(osd.Launch(kB, kSystem).account_refused()) << "no user names it";
  EXPECT_EQ(osd.LaunchSystem(kA, "", false).error(), "");
  Expect("supervise");
  const std::string arguments = ReadFile(InstanceDirectory(kA) + "/arguments");
  EXPECT_THAT(arguments, HasSubstr(std::string(" --account ") + kSystem + " "));
  EXPECT_THAT(arguments, Not(HasSubstr("--low-ports")));
  EXPECT_EQ(osd.LaunchSystem(kB, "games", false).error(), "");
  Expect("supervise");
}

TEST_F(UserTest, AnAccountOfBothListsIsRefusedToUsers) {
  const FakeOsd osd = StartReady(AsUser());
  WriteSystemAccounts(std::string(kPayload) + "\n");
  for (const char* account : {"", kPayload}) {
    const internal::LaunchResult result = osd.Launch(kA, account);
    EXPECT_TRUE(result.account_refused());
    EXPECT_THAT(result.error(), HasSubstr(root_ + "/system-accounts lists it"));
  }
  EXPECT_EQ(osd.LaunchSystem(kA, "", false).error(), "");
  Expect("supervise");
}

TEST_F(UserTest, LowPortsAreForTheSystemsOwnAlone) {
  WriteSystemAccounts(std::string(kSystem) + "\n");
  const FakeOsd osd = StartReady(AsUser());
  internal::Launch launch;
  launch.set_instance_id(kA);
  launch.set_process_name("web");
  launch.set_low_ports(true);
  osd.SendLaunch(launch, {});
  EXPECT_THAT(osd.Receive().launched().error(), HasSubstr("ports below 1024"));
  EXPECT_EQ(osd.LaunchSystem(kA, "", true).error(), "");
  const pid_t supervisor = std::stoi(Expect("supervise")[2]);
  // CAP_KILL 5, CAP_SETGID 6, CAP_SETUID 7, CAP_NET_BIND_SERVICE 10.
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"})
    EXPECT_EQ(StatusLine(supervisor, set), "00000000000004e0") << set;
  EXPECT_THAT(ReadFile(InstanceDirectory(kA) + "/arguments"), HasSubstr(" --low-ports yes"));
  KillStranger(supervisor);
  const pid_t again = std::stoi(Expect("supervise")[2]);
  EXPECT_EQ(StatusLine(again, "CapAmb"), "00000000000004e0") << "launched again as it was";
}

TEST_F(UserTest, AnInitWithoutTheCapabilitySaysSo) {
  WriteSystemAccounts(std::string(kSystem) + "\n");
  std::vector<std::string> words = {"/usr/bin/setpriv", "--bounding-set", "-net_bind_service"};
  for (const std::string& word : Command(AsUser())) words.push_back(word);
  inits_.push_back(Fork(words));
  Expect("osd");
  const FakeOsd osd(data_);
  osd.SendReady();
  const internal::LaunchResult result = osd.LaunchSystem(kA, "", true);
  EXPECT_TRUE(result.account_refused());
  EXPECT_THAT(result.error(), HasSubstr("no CAP_NET_BIND_SERVICE"));
  EXPECT_EQ(osd.LaunchSystem(kA, "", false).error(), "");
  Expect("supervise");
}

// With the real supervisor; a task such as `nginx -t` as well.
TEST_F(UserTest, WhatRunsHasThatCapabilityAloneAndDiesWithItsSupervisor) {
  WriteSystemAccounts(std::string(kSystem) + "\n");
  std::vector<std::string> options = AsUser();
  const auto bin = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  ASSERT_TRUE(std::filesystem::exists(bin / "grpc-os-supervise"))
      << "build grpc-os-supervise first";
  options.insert(options.end(), {"--supervise", (bin / "grpc-os-supervise").string()});
  const FakeOsd osd = StartReady(options);
  internal::LaunchSpec spec;
  for (const char* word : {"sleep", "100000"}) spec.add_argv(word);
  spec.set_working_directory("/");
  spec.set_generation(1);
  for (const bool task : {false, true}) {
    const std::string& id = task ? kB : kA;
    ASSERT_EQ(osd.LaunchSystem(id, "", true, spec, task).error(), "");
    const Running running = AwaitRunning(id);
    ASSERT_GT(running.pid, 0);
    EXPECT_EQ(StatusLine(running.pid, "Uid"), FourTimes(AccountDatabase().Find(kSystem)->uid));
    for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapAmb"})
      EXPECT_EQ(StatusLine(running.pid, set), "0000000000000400") << set;
    EXPECT_EQ(StatusLine(running.pid, "NoNewPrivs"), "1");
    const UniqueFd living(static_cast<int>(syscall(SYS_pidfd_open, running.pid, 0)));
    ASSERT_TRUE(living);
    KillStranger(std::stoi(StatusLine(running.pid, "PPid")));
    pollfd dead{living.get(), POLLIN, 0};
    EXPECT_EQ(poll(&dead, 1, kPatienceMs), 1);
    EXPECT_TRUE(osd.Receive().gone().relaunching());
  }
}

TEST_F(UserTest, ARelaunchKeepsTheAccountAndAsksForItAnew) {
  const FakeOsd osd = StartReady(AsUser());
  const pid_t first = LaunchOne(osd, kA);  // as the default account of now
  WriteFile("accounts", "bin\nnobody\n");
  KillStranger(first);
  EXPECT_TRUE(osd.Receive().gone().relaunching());
  const pid_t second = std::stoi(Expect("supervise")[2]);
  EXPECT_THAT(ReadFile(InstanceDirectory(kA) + "/arguments"), HasSubstr("--account nobody"));
  // Not allowed any more: tried again and again, and launched only once it is.
  WriteFile("accounts", "bin\n");
  KillStranger(second);
  EXPECT_TRUE(osd.Receive().gone().relaunching());
  while (ReadFile(root_ + "/err").find("'nobody' is not allowed") == std::string::npos) {
    ASSERT_EQ(kill(inits_.at(0), 0), 0);
    sched_yield();
  }
  WriteFile("accounts", "nobody\n");
  EXPECT_EQ(Expect("supervise")[1], kA);
}

TEST_F(UserTest, PlantedLinksLeadNobodyAstray) {
  Kill((StartReady(AsUser()), inits_.at(0)));
  KillStranger(osds_.at(0));
  // What a daemon that was broken into could do in its own directories.
  WriteFile("precious", "precious");
  chmod((root_ + "/precious").c_str(), 0600);
  const std::string precious = root_ + "/precious";
  for (const char* name : {"/run/boot_id", "/run/init.lock", "/logs/system/osd.log"}) {
    std::filesystem::remove(data_ + name);
    std::filesystem::create_symlink(precious, data_ + name);
  }
  const Ended ended = Run(AsUser());
  EXPECT_EQ(ended.code, 1);
  EXPECT_THAT(ended.err, HasSubstr("init.lock"));
  std::filesystem::remove(data_ + "/run/init.lock");
  Start(AsUser());
  Expect("osd");
  EXPECT_EQ(ReadFile(precious), "precious");
  const FakeOsd osd(data_);
  LaunchOne(osd, kA);
}

TEST_F(UserTest, AForeignProcessDirectoryIsRefused) {
  Kill((StartReady(AsUser()), inits_.at(0)));
  KillStranger(osds_.at(0));
  std::filesystem::remove_all(data_ + "/processes");
  std::filesystem::create_directory(data_ + "/processes");
  ASSERT_EQ(chown((data_ + "/processes").c_str(), AccountDatabase().Find(kControl)->uid, 0), 0);
  const Ended ended = Run(AsUser());
  EXPECT_EQ(ended.code, 1);
  EXPECT_THAT(ended.err, HasSubstr("must belong to root"));
}

TEST_F(UserTest, ADirectoryFullOfOtherThingsIsNotTakenOver) {
  std::filesystem::create_directory(data_);
  std::ofstream(data_ + "/letter") << "x";
  const Ended ended = Run(AsUser());
  EXPECT_EQ(ended.code, 1);
  EXPECT_THAT(ended.err, HasSubstr("choose another --data-dir"));
  EXPECT_EQ(Stat("").st_uid, 0u);
}

TEST_F(UserTest, WrongAccountsAreRefusedWithTheCure) {
  Ended ended = Run({"--user", "no-such-account", "--accounts", root_ + "/accounts"});
  EXPECT_EQ(ended.code, 1);
  EXPECT_THAT(ended.err, HasSubstr("adduser --system"));
  ended = Run({"--user", "root", "--accounts", root_ + "/accounts"});
  EXPECT_EQ(ended.code, 1);
  ended = Run({"--user", kControl, "--accounts", root_ + "/none"});
  EXPECT_EQ(ended.code, 1);
  EXPECT_THAT(ended.err, HasSubstr("one per line"));
  chmod((root_ + "/accounts").c_str(), 0666);
  ended = Run(AsUser());
  EXPECT_EQ(ended.code, 1);
  EXPECT_THAT(ended.err, HasSubstr("chmod 644"));
}

TEST_F(UserTest, StopAllWithoutInitReachesAnotherAccountsSupervisors) {
  LaunchOne(StartReady(AsUser()), kA);
  Kill(inits_.at(0));
  KillStranger(osds_.at(0));
  EXPECT_EQ(Run({"--stop-all"}).code, 0);
  Expect("hello");
  Expect("stopped");
  EXPECT_EQ(Stat("/run").st_mode & 07777, 0750u) << "modes are left alone";
}

TEST_F(UserTest, AReadOnlyDirectoryIsRefusedWithTheCure) {
  std::filesystem::create_directory(data_);
  if (mount("none", data_.c_str(), "tmpfs", MS_RDONLY, "") != 0) GTEST_SKIP() << "cannot mount";
  const Ended ended = Run();
  EXPECT_EQ(umount(data_.c_str()), 0);
  EXPECT_EQ(ended.code, 1);
  EXPECT_THAT(ended.err, HasSubstr("Read-only file system"));
  EXPECT_THAT(ended.err, HasSubstr("choose another --data-dir"));
}

TEST_F(UserTest, AsPidOneItEndsEverythingAndReapsOrphans) {
  std::string script = kDaemon;
  script.insert(script.find("echo"), "sh -c '(echo orphan > EVENTS) & exit'\n");
  WriteScript("osd", script);
  std::vector<std::string> words = {"/usr/bin/unshare", "--pid", "--fork"};
  for (const std::string& word : Command({})) words.push_back(word);
  const pid_t unshare = Fork(words);
  inits_.push_back(unshare);
  // In either order. The daemon's number is one of the other namespace.
  EXPECT_THAT((std::set<std::string>{Next().at(0), Next().at(0)}), ElementsAre("orphan", "osd"));
  {
    const FakeOsd osd(data_);
    osd.SendReady();
    LaunchOne(osd, kA);
    LaunchOne(osd, kB);
  }
  const std::string number = std::to_string(unshare);
  const pid_t init = std::stoi(ReadFile("/proc/" + number + "/task/" + number + "/children"));
  const std::string children =
      "/proc/" + std::to_string(init) + "/task/" + std::to_string(init) + "/children";
  // The daemon and two supervisors; the orphan is collected.
  const int64_t deadline = EventLoop::NowMs() + kPatienceMs;
  while (CountWords(ReadFile(children)) != 3) {
    ASSERT_LT(EventLoop::NowMs(), deadline) << ReadFile(children);
    sched_yield();
  }
  kill(init, SIGTERM);
  Expect("stopped");
  Expect("stopped");
  EXPECT_EQ(WaitFor(unshare).code, 0);
}

}  // namespace
}  // namespace grpc_os::init
