#include "cgroup/children.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "base/unique_fd.h"

namespace grpc_os::cgroup {
namespace {

constexpr size_t kNamed = 5;

void AddChildren(const std::string& task, std::vector<pid_t>& children) {
  std::ifstream file(task + "/children");
  pid_t pid = 0;
  while (file >> pid) children.push_back(pid);
}

std::vector<pid_t> ChildrenOf(pid_t parent) {
  std::vector<pid_t> children;
  std::error_code error;
  std::filesystem::directory_iterator tasks(absl::StrCat("/proc/", parent, "/task"), error);
  for (; !error && tasks != std::filesystem::directory_iterator(); tasks.increment(error)) {
    AddChildren(tasks->path().string(), children);
  }
  return children;
}

struct Stat {
  char state = 'X';  // also if it is gone
  pid_t parent = 0;
  std::string name;
};

// "812 (a name) S 1 …", where the name may have anything in it.
Stat ReadStat(pid_t pid) {
  std::ifstream file(absl::StrCat("/proc/", pid, "/stat"));
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const size_t begin = text.find('(');
  const size_t end = text.rfind(") ");
  Stat stat;
  if (begin == std::string::npos || end == std::string::npos) return stat;
  for (const char byte : text.substr(begin + 1, end - begin - 1))
    stat.name += byte >= ' ' && byte < 127 ? byte : '?';
  stat.state = text[end + 2];
  stat.parent = atoi(text.c_str() + end + 4);
  return stat;
}

// Not waited for, so that its number is still its own.
bool IsThere(int pidfd) {
  return syscall(SYS_pidfd_send_signal, pidfd, 0, nullptr, 0) == 0 || errno == EPERM;
}

// A child that is found as such after its pidfd was opened, while its parent is there, is the one
// that the pidfd is of, or that one has ended: then a signal reaches nobody.
void Visit(pid_t parent, int parent_fd, const std::vector<pid_t>& children,
           const std::function<void(pid_t, int)>& visit) {
  for (const pid_t child : children) {
    const UniqueFd process(OpenProcess(child));
    if (!process || ReadStat(child).parent != parent) continue;
    if (parent_fd >= 0 && !IsThere(parent_fd)) return;
    Visit(child, process.get(), ChildrenOf(child), visit);
    visit(child, process.get());
  }
}

}  // namespace

std::vector<pid_t> OwnChildren() {
  std::vector<pid_t> children;
  // The numbers in a /proc of another pid namespace are others' here.
  std::error_code error;
  if (std::filesystem::read_symlink("/proc/self", error) == std::to_string(getpid()))
    AddChildren("/proc/thread-self", children);
  return children;
}

void ForEachDescendant(const std::function<void(pid_t, int)>& visit) {
  Visit(getpid(), -1, OwnChildren(), visit);
}

int OpenProcess(pid_t pid) { return static_cast<int>(syscall(SYS_pidfd_open, pid, 0)); }

std::string NameProcesses(const std::vector<pid_t>& pids) {
  std::string text;
  size_t count = 0;
  for (const pid_t pid : pids) {
    const Stat stat = ReadStat(pid);
    if (stat.state == 'X' || stat.state == 'Z' || count++ >= kNamed) continue;
    absl::StrAppend(&text, text.empty() ? "" : ", ", pid, " (", stat.name, ")");
  }
  if (count > kNamed) absl::StrAppend(&text, " and ", count - kNamed, " more");
  return text;
}

}  // namespace grpc_os::cgroup
