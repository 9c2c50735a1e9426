#include "init/spawn.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/unique_fd.h"

namespace grpc_os::init {
namespace {

// What the child tells when it fails, through a pipe that a successful execve closes.
struct Failure {
  char stage[32];
  int error_number;
};

[[noreturn]] void Fail(int pipe, const char* stage) {
  Failure failure{};
  failure.error_number = errno;
  strncpy(failure.stage, stage, sizeof failure.stage - 1);
  [[maybe_unused]] const ssize_t written = write(pipe, &failure, sizeof failure);
  _exit(127);
}

bool SetCapabilities(const std::vector<int>& capabilities) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> data{};
  for (const int capability : capabilities) {
    auto& word = data[static_cast<size_t>(capability) / 32];
    const uint32_t bit = uint32_t{1} << (capability % 32);
    word.permitted |= bit;
    word.effective |= bit;
    word.inheritable |= bit;
  }
  return syscall(SYS_capset, &header, data.data()) == 0;
}

// Leaves in the bounding set only what is kept: nothing executed from here on can ever gain more.
bool DropBounding(const std::vector<int>& keep) {
  for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability) {
    if (std::find(keep.begin(), keep.end(), capability) != keep.end()) continue;
    if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) return false;
  }
  return true;
}

void Become(const Account& account, const std::vector<int>& capabilities, int pipe) {
  if (!DropBounding(capabilities)) Fail(pipe, "dropping capabilities");
  if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0) Fail(pipe, "keeping capabilities");
  if (setgroups(account.groups.size(), account.groups.data()) != 0) Fail(pipe, "setgroups");
  if (setresgid(account.gid, account.gid, account.gid) != 0) Fail(pipe, "setgid");
  if (setresuid(account.uid, account.uid, account.uid) != 0) Fail(pipe, "setuid");
  if (!SetCapabilities(capabilities)) Fail(pipe, "setting capabilities");
  for (const int capability : capabilities) {
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) != 0) {
      Fail(pipe, "raising capabilities");
    }
  }
}

void ResetSignals() {
  for (int signal = 1; signal < NSIG; ++signal) {
    struct sigaction action {};
    action.sa_handler = SIG_DFL;
    sigaction(signal, &action, nullptr);  // SIGKILL, SIGSTOP and libc's own refuse, rightly
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

// Puts the descriptors in their places. All are first moved out of the way of any place.
void PlaceDescriptors(const Program& program, int pipe) {
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0) Fail(pipe, "opening /dev/null");
  std::vector<std::pair<int, int>> wanted = {
      {null, STDIN_FILENO}, {null, STDOUT_FILENO}, {null, STDERR_FILENO}};
  wanted.insert(wanted.end(), program.descriptors.begin(), program.descriptors.end());
  for (auto& [fd, place] : wanted) {
    fd = fcntl(fd, F_DUPFD_CLOEXEC, 64);
    if (fd < 0) Fail(pipe, "passing descriptors");
  }
  for (const auto& [fd, place] : wanted) {
    if (dup2(fd, place) < 0) Fail(pipe, "passing descriptors");
  }
}

std::vector<char*> Pointers(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (const std::string& string : strings) pointers.push_back(const_cast<char*>(string.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

[[noreturn]] void RunChild(const Program& program, int low_pipe) {
  const int pipe = fcntl(low_pipe, F_DUPFD_CLOEXEC, 64);  // out of the way of any place
  if (pipe < 0) Fail(low_pipe, "passing descriptors");
  ResetSignals();
  setsid();  // a terminal's Ctrl-C is for init alone
  PlaceDescriptors(program, pipe);
  if (!program.working_directory.empty() && chdir(program.working_directory.c_str()) != 0) {
    Fail(pipe, "changing to its directory");
  }
  if (program.files && setrlimit(RLIMIT_NOFILE, &*program.files) != 0) {
    Fail(pipe, "limiting its descriptors");
  }
  if (program.account) Become(*program.account, program.capabilities, pipe);
  const std::vector<char*> arguments = Pointers(program.arguments);
  const std::vector<char*> environment = Pointers(program.environment);
  execve(program.path.c_str(), arguments.data(), environment.data());
  Fail(pipe, "executing it");
}

}  // namespace

absl::StatusOr<pid_t> Spawn(const Program& program) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    return absl::ResourceExhaustedError(
        absl::StrCat("cannot start ", program.path, ": cannot make a pipe: ", strerror(errno)));
  }
  const UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  const pid_t child = fork();
  if (child == 0) RunChild(program, writer.get());
  const int fork_error = errno;
  writer.Reset();
  if (child < 0) {
    return absl::ResourceExhaustedError(
        absl::StrCat("cannot start ", program.path, ": ", strerror(fork_error)));
  }
  Failure failure{};
  ssize_t size = 0;
  do {
    size = read(reader.get(), &failure, sizeof failure);
  } while (size < 0 && errno == EINTR);
  if (size != sizeof failure) return child;
  while (waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  return absl::FailedPreconditionError(absl::StrCat("cannot start ", program.path, ": ",
                                                    failure.stage,
                                                    " failed: ", strerror(failure.error_number)));
}

}  // namespace grpc_os::init
