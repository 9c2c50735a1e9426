#include "supervise/spawn.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "supervise/exec_failure.h"

namespace grpc_os::supervise {
namespace {

constexpr char kDefaultPath[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr int kOomScoreRaise = 200;
constexpr int kOutcomeFd = 3;  // in the child

enum class Stage : int { kFork, kCgroup, kOutput, kAccount, kSetuid, kState, kChdir, kExec };

const char* Name(Stage stage) {
  switch (stage) {
    case Stage::kFork:
      return "fork";
    case Stage::kCgroup:
      return "cgroup";
    case Stage::kOutput:
      return "output";
    case Stage::kAccount:
      return "account";
    case Stage::kSetuid:
      return "setuid";
    case Stage::kState:
      return "state";
    case Stage::kChdir:
      return "chdir";
    case Stage::kExec:
      break;
  }
  return "exec";
}

struct Message {
  Stage stage;
  int error_number;
  char explanation[kExplanationBytesMax + 1];  // sent without its end
};
static_assert(sizeof(Message) <= PIPE_BUF);  // written as one
constexpr size_t kMessageHeadBytes = offsetof(Message, explanation);

// All that the child needs, made before it is cloned: it must not allocate.
struct Plan {
  const Command* command;
  std::vector<char*> argv;
  std::vector<char*> environment;
  std::vector<std::string> candidates;  // what to try to execute, in this order
  std::string parent_of_directory;
  std::string parent_of_state_directory;
  char oom_score_adj[16];
  pid_t supervisor;
  int null;
  int stdout_end;
  int stderr_end;
  int outcome_end;
  int cgroup_to_join;  // directory; -1: is in it already, or in none
};

std::vector<char*> Pointers(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  for (const std::string& string : strings) pointers.push_back(const_cast<char*>(string.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

int OwnOomScore() {
  static const int score = [] {
    char text[16] = {};
    const UniqueFd file(open("/proc/self/oom_score_adj", O_RDONLY | O_CLOEXEC));
    return file && read(file.get(), text, sizeof text - 1) > 0 ? atoi(text) : 0;
  }();
  return score;
}

// ---- In the child: system calls only, until the execution has failed
// ------------------------------------------------------------

[[noreturn]] void Fail(Stage stage, int outcome = kOutcomeFd, std::string_view explanation = "") {
  Message message{};
  message.stage = stage;
  message.error_number = errno;
  const size_t size = std::min(explanation.size(), kExplanationBytesMax);
  memcpy(message.explanation, explanation.data(), size);
  while (write(outcome, &message, kMessageHeadBytes + size) < 0 && errno == EINTR) {
  }
  _exit(127);
}

// It may take long, and it may end at any moment: the account's own eyes see what the account has.
// Allocates, as only a clone of a program with one thread may.
[[noreturn]] void FailToExecute(const Command& command) {
  const int error = errno;
  const std::string explanation = ExplainExecFailure(command, error);
  errno = error;
  Fail(Stage::kExec, kOutcomeFd, explanation);
}

void ArrangeDescriptors(const Plan& plan) {
  // Ours are all above 2: see the main program.
  if (dup2(plan.null, 0) < 0 || dup2(plan.stdout_end, 1) < 0 || dup2(plan.stderr_end, 2) < 0) {
    Fail(Stage::kOutput, plan.outcome_end);
  }
  // Last, for any of ours may be in its place.
  if (plan.outcome_end != kOutcomeFd && dup3(plan.outcome_end, kOutcomeFd, O_CLOEXEC) < 0) {
    Fail(Stage::kOutput, plan.outcome_end);
  }
}

void ResetSignals() {
  // By the system call: the library refuses signals 32 and 33, its own, but its posix_spawn leaves
  // them ignored, so that they are when GNU make started us. All zero is SIG_DFL without flags; the
  // kernel's set has 8 bytes.
  constexpr unsigned long kDefault[4] = {};
  for (int signal = 1; signal < NSIG; ++signal) {
    syscall(SYS_rt_sigaction, signal, kDefault, nullptr, 8);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

bool WriteTo(int directory, const char* path, const char* text) {
  const int fd = openat(directory, path, O_WRONLY | O_CLOEXEC);
  const bool written = fd >= 0 && write(fd, text, strlen(text)) >= 0;
  const int error = errno;
  if (fd >= 0) close(fd);
  errno = error;
  return written;
}

void JoinCgroup(const Plan& plan) {
  if (!WriteTo(plan.cgroup_to_join, "cgroup.procs", "0")) Fail(Stage::kCgroup, plan.outcome_end);
}

// Leaves nothing of our privileges but what the account is to have: what is executed is the account
// and no more.
void BecomeAccount(const Account& account) {
  const auto kept = [&account](int capability) {
    return account.low_ports && capability == CAP_NET_BIND_SERVICE;
  };
  // Needs CAP_SETPCAP, which only a supervisor that is root has; without it, no_new_privs and the
  // sets below already mean that nothing can be regained.
  for (int capability = 0; capability < 64; ++capability)
    if (!kept(capability)) prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
  if (account.low_ports && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0) Fail(Stage::kSetuid);
  if (setgroups(account.groups.size(), account.groups.data()) != 0 ||
      setresgid(account.gid, account.gid, account.gid) != 0 ||
      setresuid(account.uid, account.uid, account.uid) != 0) {
    Fail(Stage::kSetuid);
  }
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[2] = {};
  if (account.low_ports) {
    constexpr uint32_t kBit = uint32_t{1} << CAP_NET_BIND_SERVICE;
    sets[0] = {.effective = kBit, .permitted = kBit, .inheritable = kBit};
  }
  if (syscall(SYS_capset, &header, sets) != 0) Fail(Stage::kSetuid);
  // Ambient, or the execution would take it away.
  if (account.low_ports &&
      prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_BIND_SERVICE, 0, 0) != 0)
    Fail(Stage::kSetuid);
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) Fail(Stage::kSetuid);
  if (geteuid() != account.uid || getegid() != account.gid) {
    errno = EPERM;
    Fail(Stage::kSetuid);
  }
}

void EnterDirectory(const Plan& plan) {
  if (!plan.command->state_directory.empty()) {
    mkdir(plan.parent_of_state_directory.c_str(), 0755);
    if (mkdir(plan.command->state_directory.c_str(), 0755) != 0 && errno != EEXIST)
      Fail(Stage::kState);
  }
  const char* directory = plan.command->working_directory.c_str();
  if (chdir(directory) == 0) return;
  if (errno != ENOENT || !plan.command->make_working_directory) Fail(Stage::kChdir);
  mkdir(plan.parent_of_directory.c_str(), 0755);
  if ((mkdir(directory, 0755) != 0 && errno != EEXIST) || chdir(directory) != 0) {
    Fail(Stage::kChdir);
  }
}

void Execute(const Plan& plan) {
  bool denied = false;
  for (const std::string& candidate : plan.candidates) {
    execve(candidate.c_str(), plan.argv.data(), plan.environment.data());
    const int error = errno;
    const bool look_on = error == EACCES || error == ENOENT || error == ENOTDIR ||
                         error == ESTALE || error == ENODEV || error == ETIMEDOUT;
    if (!look_on) FailToExecute(*plan.command);
    // Where a directory on the way may not be searched, what it has is not seen, and not denied.
    denied = denied || (error == EACCES && access(candidate.c_str(), F_OK) == 0);
    errno = error;
  }
  if (plan.candidates.size() > 1) errno = denied ? EACCES : ENOENT;
  FailToExecute(*plan.command);
}

[[noreturn]] void BePayload(const Plan& plan) {
  if (plan.cgroup_to_join >= 0) JoinCgroup(plan);
  ArrangeDescriptors(plan);
  ResetSignals();
  setsid();
  umask(022);
  WriteTo(AT_FDCWD, "/proc/self/oom_score_adj", plan.oom_score_adj);
  if (plan.command->account) BecomeAccount(*plan.command->account);
  // After the change of identity, which would clear it.
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) Fail(Stage::kFork);
  if (getppid() != plan.supervisor) _exit(127);  // it died before that
  EnterDirectory(plan);
  // Whatever stays open in spite of this is CLOEXEC: see the main program.
  syscall(SYS_close_range, kOutcomeFd + 1, ~0U, 0);
  Execute(plan);
  _exit(127);
}

// ---- In the parent ------------------------------------------------------------------------------

struct Pipe {
  UniqueFd read_end;
  UniqueFd write_end;
};

bool MakePipe(Pipe& pipe) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return false;
  pipe.read_end.Reset(ends[0]);
  pipe.write_end.Reset(ends[1]);
  return fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0;
}

pid_t Clone3(uint64_t flags, int cgroup, int* pidfd) {
  clone_args arguments{};
  arguments.flags = flags | CLONE_PIDFD;
  arguments.pidfd = reinterpret_cast<uint64_t>(pidfd);
  arguments.exit_signal = SIGCHLD;
  arguments.cgroup = flags == CLONE_INTO_CGROUP ? static_cast<uint64_t>(cgroup) : 0;
  return static_cast<pid_t>(syscall(SYS_clone3, &arguments, sizeof arguments));
}

// Clones and lets the child run. 0 and errno if that is impossible.
pid_t Clone(Plan& plan, const cgroup::Leaf& leaf, UniqueFd& pidfd) {
  int fd = -1;
  plan.cgroup_to_join = -1;
  pid_t pid =
      leaf.real() ? Clone3(CLONE_INTO_CGROUP, leaf.directory_fd(), &fd) : Clone3(0, -1, &fd);
  const bool short_of_something = pid < 0 && (errno == EAGAIN || errno == ENOMEM);
  if (pid < 0 && !short_of_something) {
    // An old kernel, or a seccomp filter that does not know clone3 or this cgroup: as it was done
    // before.
    plan.cgroup_to_join = leaf.directory_fd();
    pid = fork();
  }
  if (pid == 0) BePayload(plan);
  if (pid < 0) return 0;
  if (fd < 0) fd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (fd < 0) {
    // Without it the payload could not be signalled safely. It is still our child, so its number is
    // its own.
    const int error = errno;
    kill(pid, SIGKILL);
    errno = error;
    return 0;
  }
  pidfd.Reset(fd);
  return pid;
}

}  // namespace

std::vector<std::string> Candidates(const Command& command) {
  const std::string name = command.argv.empty() ? "" : command.argv[0];
  if (name.empty() || name.find('/') != std::string::npos) return {name};
  std::string path = kDefaultPath;
  for (const std::string& variable : command.environment) {
    if (variable.starts_with("PATH=")) path = variable.substr(5);
  }
  std::vector<std::string> candidates;
  for (const std::string& directory : std::vector<std::string>(absl::StrSplit(path, ':'))) {
    candidates.push_back(absl::StrCat(directory.empty() ? "." : directory, "/", name));
  }
  return candidates;
}

std::string SystemPath(const std::string& ours) {
  std::vector<std::string> directories = absl::StrSplit(ours, ':');
  std::erase_if(directories,
                [](const std::string& directory) { return !directory.starts_with('/'); });
  return directories.empty() ? kDefaultPath : absl::StrJoin(directories, ":");
}

SpawnResult Spawn(const Command& command, const cgroup::Leaf& leaf) {
  SpawnResult result;
  const UniqueFd null(open("/dev/null", O_RDONLY | O_CLOEXEC));
  Pipe output;
  Pipe errors;
  Pipe outcome;
  if (!null || !MakePipe(output) || !MakePipe(errors) || !MakePipe(outcome)) {
    result.failure = SpawnFailure{Name(Stage::kFork), errno};
    return result;
  }
  const std::string& directory = command.working_directory;
  Plan plan{.command = &command,
            .argv = Pointers(command.argv),
            .environment = Pointers(command.environment),
            .candidates = Candidates(command),
            .parent_of_directory = directory.substr(0, directory.rfind('/')),
            .parent_of_state_directory = command.state_directory.substr(
                0, std::min(command.state_directory.rfind('/'), command.state_directory.size())),
            .oom_score_adj = {},
            .supervisor = getpid(),
            .null = null.get(),
            .stdout_end = output.write_end.get(),
            .stderr_end = errors.write_end.get(),
            .outcome_end = outcome.write_end.get(),
            .cgroup_to_join = -1};
  snprintf(plan.oom_score_adj, sizeof plan.oom_score_adj, "%d",
           std::min(OwnOomScore() + kOomScoreRaise, 1000));
  result.child.pid = Clone(plan, leaf, result.child.pidfd);
  if (result.child.pid == 0) {
    result.failure = SpawnFailure{Name(Stage::kFork), errno};
    return result;
  }
  result.child.stdout_pipe = std::move(output.read_end);
  result.child.stderr_pipe = std::move(errors.read_end);
  result.child.outcome_pipe = std::move(outcome.read_end);
  return result;
}

Outcome ReadOutcome(int outcome_pipe) {
  Message message{};
  ssize_t size = 0;
  do {
    size = read(outcome_pipe, &message, sizeof message - 1);
  } while (size < 0 && errno == EINTR);
  if (size < 0) return {};
  if (size < static_cast<ssize_t>(kMessageHeadBytes)) return {Outcome::Kind::kExecuted, {}};
  return {Outcome::Kind::kFailed,
          {Name(message.stage), message.error_number, std::string(message.explanation)}};
}

}  // namespace grpc_os::supervise
