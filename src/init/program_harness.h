// For tests: the real grpc-os-init with a daemon and supervisors that only tell what happens to
// them.
#ifndef GRPC_OS_INIT_PROGRAM_HARNESS_H_
#define GRPC_OS_INIT_PROGRAM_HARNESS_H_

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "protocol/messages.pb.h"
#include "protocol/packet.h"

namespace grpc_os::init {

inline constexpr int kPatienceMs = 30'000;  // until a test gives up

inline std::string InstanceId(char digit) { return std::string(32, digit); }

// A supervisor: tells of its start, of the hello of an init that did not start it, of being told to
// stop, which waits for a file `may-end` if there is a file `stop-ms`, with what it answers when it
// is asked how long that takes; `release` makes it let go.
inline constexpr char kSupervise[] = R"(#!/usr/bin/python3 -SE
import os, selectors, signal, socket, sys, time
args = dict(zip(sys.argv[1::2], sys.argv[2::2]))
instance = args['--instance']
events = os.open('EVENTS', os.O_WRONLY)
def tell(*words):
    os.write(events, (' '.join(map(str, words)) + '\n').encode())
try:
    spec = 'with-spec' if 'memfd' in os.readlink('/proc/self/fd/4') else 'without-spec'
except OSError:
    spec = 'without-spec'
def is_adopted():
    if os.readlink('/proc/self') != str(os.getpid()):
        return False  # that /proc is of another pid namespace
    return 'grpc-os-init' not in open(f'/proc/{os.getppid()}/comm').read()
def stop_ms():
    try:
        return int(open(args['--dir'] + '/stop-ms').read())
    except OSError:
        return None
def answer():
    ms = stop_ms()
    result = b'\x08\x01\x12\x03old' if ms is None else b'\x08\x01\x20'
    while ms is not None:
        result, ms = result + bytes([ms & 127 | (128 if ms > 127 else 0)]), ms >> 7 or None
    return b'\x1a' + bytes([len(result)]) + result
def end(*_):
    if stop_ms() is not None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        tell('stopping', instance)
        while not os.path.exists(args['--dir'] + '/may-end'):
            time.sleep(0.005)
    tell('stopped', instance)
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
with open(args['--dir'] + '/arguments', 'w') as file:
    file.write(' '.join(sys.argv[1:]))
selector = selectors.DefaultSelector()
listener = socket.socket(fileno=3)
selector.register(listener, selectors.EVENT_READ)
tell('supervise', instance, os.getpid(), spec)
while True:
    for key, _ in selector.select():
        if key.fileobj is listener:
            listener.setblocking(True)
            selector.register(listener.accept()[0], selectors.EVENT_READ)
            continue
        packet = key.fileobj.recv(65536)
        if not packet:
            selector.unregister(key.fileobj)
        elif b'init' in packet:
            if is_adopted():
                tell('hello', instance, os.getpid())
        elif packet == b'\x42\x00\x78\x01':
            key.fileobj.send(answer())
        elif b'shutdown' in packet:
            end()
        elif packet == b'\x3a\x00':
            open(args['--dir'] + '/released', 'w').close()
            sys.exit(0)
)";

// A daemon: holds its lock and waits.
inline constexpr char kDaemon[] = R"(#!/bin/sh
exec 9>>"$2/run/osd.lock"
flock -n 9 || exit 3
echo "osd $$ $*" > 'EVENTS'
exec sleep 100000
)";

// One end of run/init.sock, as grpc-osd has it.
class FakeOsd {
 public:
  explicit FakeOsd(const std::string& data) : FakeOsd(data, kSilent) {
    SendHello();
    ReceiveInstances();
  }
  // Connected and accepted, but has not said hello.
  enum Silent { kSilent };
  FakeOsd(const std::string& data, Silent) {
    auto socket = protocol::ConnectTo(data + "/run", "init.sock");
    EXPECT_TRUE(socket.ok()) << socket.status();
    if (socket.ok()) socket_ = *std::move(socket);
    internal::InitRequest request;
    request.mutable_ping();
    Send(request);
    EXPECT_TRUE(Receive().has_pong());
  }

  void SendHello() const {
    internal::InitRequest request;
    request.mutable_hello()->set_role("osd");
    Send(request);
  }
  void ReceiveInstances() {
    const internal::InitReply reply = Receive();
    EXPECT_TRUE(reply.has_instances());
    list_ = reply.instances();
  }

  std::vector<std::string> instances() const {
    return {list_.instance_ids().begin(), list_.instance_ids().end()};
  }
  const internal::InstanceList& list() const { return list_; }

  void Send(const internal::InitRequest& request, int fd = -1) const {
    const absl::Status sent = protocol::SendPacket(socket_.get(), request, fd);
    EXPECT_TRUE(sent.ok()) << sent;
  }
  void SendReady() const {
    internal::InitRequest request;
    request.mutable_daemon_ready();
    Send(request);
  }
  // The next message; one without content if the connection ends or patience does.
  internal::InitReply Receive() const {
    internal::InitReply reply;
    pollfd ready{socket_.get(), POLLIN, 0};
    poll(&ready, 1, kPatienceMs);
    const auto packet = protocol::ReceivePacket(socket_.get());
    if (packet.ok() && !packet->closed && !packet->empty) reply.ParseFromString(packet->bytes);
    return reply;
  }
  void SendLaunch(const std::string& instance_id, const std::string& account = "",
                  const std::string& name = "web", bool task = false,
                  const std::vector<std::string>& depends_on = {}) const {
    internal::Launch launch;
    launch.set_instance_id(instance_id);
    launch.set_process_name(name);
    launch.set_account(account);
    launch.set_task(task);
    for (const std::string& one : depends_on) launch.add_depends_on(one);
    SendLaunch(launch, {});
  }
  void SendLaunch(internal::Launch launch, internal::LaunchSpec spec) const {
    spec.set_process_id("proc_1");
    const auto memfd = protocol::ToMemfd(spec);
    ASSERT_TRUE(memfd.ok());
    launch.set_process_id("proc_1");
    internal::InitRequest request;
    *request.mutable_launch() = launch;
    Send(request, memfd->get());
  }
  // One of gRPC OS itself.
  internal::LaunchResult LaunchSystem(const std::string& instance_id, const std::string& account,
                                      bool low_ports, const internal::LaunchSpec& spec = {},
                                      bool task = false) const {
    internal::Launch launch;
    launch.set_instance_id(instance_id);
    launch.set_process_name("grpc-os-nginx");
    launch.set_account(account);
    launch.set_system(true);
    launch.set_low_ports(low_ports);
    launch.set_task(task);
    SendLaunch(launch, spec);
    const internal::InitReply reply = Receive();
    EXPECT_TRUE(reply.has_launched());
    return reply.launched();
  }
  internal::LaunchResult Launch(const std::string& instance_id, const std::string& account = "",
                                const std::string& name = "web",
                                const std::vector<std::string>& depends_on = {}) const {
    SendLaunch(instance_id, account, name, /*task=*/false, depends_on);
    const internal::InitReply reply = Receive();
    EXPECT_TRUE(reply.has_launched());
    return reply.launched();
  }

 private:
  UniqueFd socket_;
  internal::InstanceList list_;
};

class ProgramTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto bin = std::filesystem::read_symlink("/proc/self/exe").parent_path();
    init_ = (bin / "grpc-os-init").string();
    ASSERT_TRUE(std::filesystem::exists(init_)) << "build grpc-os-init first";
    std::string pattern = (std::filesystem::temp_directory_path() / "init.XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
    chmod(root_.c_str(), 0755);
    data_ = root_ + "/data";
    ASSERT_EQ(mkfifo((root_ + "/events").c_str(), 0666), 0);
    chmod((root_ + "/events").c_str(), 0666);
    events_.Reset(open((root_ + "/events").c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
    WriteScript("supervise", kSupervise);
    WriteScript("osd", kDaemon);
    WriteFile("boot_id", "boot-1\n");
  }

  void TearDown() override {
    for (const pid_t init : inits_) {
      kill(init, SIGKILL);
      waitpid(init, nullptr, 0);
    }
    // What is left is ended by an init of its own.
    if (std::filesystem::exists(data_ + "/run/init.lock")) {
      for (const pid_t osd : osds_) {
        if (IsOsd(osd)) kill(osd, SIGKILL);
      }
      EXPECT_EQ(Run({"--stop-all"}).code, 0);
    }
    std::filesystem::remove_all(root_);
  }

  void WriteFile(const std::string& name, const std::string& text) const {
    std::ofstream(root_ + "/" + name) << text;
  }
  void WriteScript(const std::string& name, std::string text) const {
    const std::string hole = "EVENTS";
    for (size_t at = 0; (at = text.find(hole, at)) != std::string::npos;) {
      text.replace(at, hole.size(), root_ + "/events");
    }
    // Anew, as a running script's file cannot be written to by all kernels.
    unlink((root_ + "/" + name).c_str());
    WriteFile(name, text);
    chmod((root_ + "/" + name).c_str(), 0755);
  }

  // Whether that pid still is the daemon of this test.
  bool IsOsd(pid_t pid) const {
    std::error_code error;
    const auto lock =
        std::filesystem::read_symlink("/proc/" + std::to_string(pid) + "/fd/9", error);
    return !error && lock == data_ + "/run/osd.lock";
  }

  struct Ended {
    int code = -1;  // -1: by a signal
    std::string out;
    std::string err;
  };
  static std::string ReadFile(const std::string& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }

  pid_t Fork(const std::vector<std::string>& words) {
    const pid_t child = fork();
    if (child != 0) return child;
    std::vector<char*> pointers;
    for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
    pointers.push_back(nullptr);
    setenv("GRPC_OS_FAILPOINT_DIR", root_.c_str(), 1);
    setenv("DB_HOST", "database", 1);
    for (const auto& [name, place] : {std::pair("/out", 1), std::pair("/err", 2)}) {
      const int fd = open((root_ + name).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
      dup2(fd, place);
    }
    execv(pointers[0], pointers.data());
    _exit(126);
  }
  std::vector<std::string> Command(const std::vector<std::string>& more) const {
    std::vector<std::string> words = {init_,
                                      "--data-dir",
                                      data_,
                                      "--osd",
                                      root_ + "/osd",
                                      "--health-interval",
                                      "0",  // its daemons answer nobody
                                      "--supervise",
                                      root_ + "/supervise",
                                      "--boot-id-file",
                                      root_ + "/boot_id"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  // Starts an init that goes on.
  pid_t Start(const std::vector<std::string>& more = {}) {
    inits_.push_back(Fork(Command(more)));
    return inits_.back();
  }
  // Waits for the end of one.
  Ended WaitFor(pid_t init) {
    int status = 0;
    EXPECT_EQ(waitpid(init, &status, 0), init);
    std::erase(inits_, init);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, ReadFile(root_ + "/out"),
            ReadFile(root_ + "/err")};
  }
  Ended Run(const std::vector<std::string>& more = {}) { return WaitFor(Start(more)); }
  void Kill(pid_t init) {
    kill(init, SIGKILL);
    WaitFor(init);
  }

  // The words of the next event, which must be of this kind.
  std::vector<std::string> Expect(const std::string& kind) {
    std::vector<std::string> words = Next();
    EXPECT_FALSE(words.empty()) << "waited for '" << kind << "'; " << ReadFile(root_ + "/err");
    if (words.empty()) return std::vector<std::string>(8);
    EXPECT_EQ(words[0], kind);
    if (words[0] == "osd") osds_.push_back(std::stoi(words[1]));
    return words;
  }
  std::vector<std::string> Next() {
    const int64_t deadline = EventLoop::NowMs() + kPatienceMs;
    while (text_.find('\n') == std::string::npos && EventLoop::NowMs() < deadline) {
      pollfd ready{events_.get(), POLLIN, 0};
      poll(&ready, 1, kPatienceMs);
      char buffer[4096];
      const ssize_t size = read(events_.get(), buffer, sizeof buffer);
      if (size > 0) text_.append(buffer, static_cast<size_t>(size));
    }
    const size_t end = text_.find('\n');
    if (end == std::string::npos) return {};
    std::istringstream line(text_.substr(0, end));
    text_.erase(0, end + 1);
    std::vector<std::string> words;
    std::string word;
    while (line >> word) words.push_back(word);
    return words;
  }
  // Stops a process that is not our child, so that what is sent to it waits. (Of two signals that
  // wait at once, SIGTERM is taken before SIGSTOP.)
  static void Freeze(pid_t pid) {
    kill(pid, SIGSTOP);
    const std::string stat = "/proc/" + std::to_string(pid) + "/stat";
    while (ReadFile(stat).find(") T ") == std::string::npos) sched_yield();
  }
  // Kills a process that is not our child and waits until it is dead.
  static void KillStranger(pid_t pid) {
    const UniqueFd process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
    kill(pid, SIGKILL);
    pollfd dead{process.get(), POLLIN, 0};
    EXPECT_EQ(poll(&dead, 1, kPatienceMs), 1);
  }
  // Until an init answers at init.sock. (No event tells of it if all that it finds lives.)
  void WaitForListener() const {
    const int64_t deadline = EventLoop::NowMs() + kPatienceMs;
    while (!protocol::ConnectTo(data_ + "/run", "init.sock").ok()) {
      ASSERT_LT(EventLoop::NowMs(), deadline);
      sched_yield();
    }
  }
  // An init whose daemon is up and, in the shape of the caller, connected and ready.
  FakeOsd StartReady(const std::vector<std::string>& more = {}) {
    Start(more);
    Expect("osd");
    FakeOsd osd(data_);
    osd.SendReady();
    return osd;
  }
  // Launches and gives the supervisor's pid.
  pid_t LaunchOne(const FakeOsd& osd, const std::string& instance_id) {
    EXPECT_EQ(osd.Launch(instance_id).error(), "");
    auto words = Expect("supervise");
    EXPECT_EQ(words[1], instance_id);
    EXPECT_EQ(words[3], "with-spec");
    return std::stoi(words[2]);
  }
  std::string InstanceDirectory(const std::string& id) const { return data_ + "/run/i/" + id; }

  std::string init_;
  std::string root_;
  std::string data_;
  UniqueFd events_;
  std::string text_;
  std::vector<pid_t> inits_;
  std::vector<pid_t> osds_;
};

}  // namespace grpc_os::init

#endif  // GRPC_OS_INIT_PROGRAM_HARNESS_H_
