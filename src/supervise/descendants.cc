#include "supervise/descendants.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/unique_fd.h"

namespace grpc_os::supervise {
namespace {

std::vector<pid_t> OwnChildren() {
  std::vector<pid_t> children;
  const UniqueFd file(open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC));
  if (!file) return children;
  char buffer[1024];
  pid_t pid = 0;
  for (ssize_t size = 0; (size = read(file.get(), buffer, sizeof buffer)) > 0;) {
    for (ssize_t i = 0; i < size; ++i) {
      if (buffer[i] >= '0' && buffer[i] <= '9') {
        pid = pid * 10 + (buffer[i] - '0');
      } else if (pid > 0) {
        children.push_back(pid);
        pid = 0;
      }
    }
  }
  if (pid > 0) children.push_back(pid);
  return children;
}

bool HasChildren() {
  siginfo_t info{};
  return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

}  // namespace

bool Descendants::AnyLeft() const { return leaf_.real() ? leaf_.Populated() : HasChildren(); }

void Descendants::GiveUpLeaf() {
  leaf_.Remove().IgnoreError();  // what is in it goes on being what it is
  leaf_ = cgroup::Leaf();
}

absl::Status Descendants::RenewLeaf() {
  const std::string path = leaf_.path();
  absl::Status removed = leaf_.Remove();
  if (!removed.ok()) return removed;
  absl::StatusOr<cgroup::Leaf> leaf = cgroup::Leaf::Open(path);
  if (!leaf.ok()) return leaf.status();
  leaf_ = *std::move(leaf);
  spoilt_ = false;
  return absl::OkStatus();
}

void Descendants::KillAll(pid_t main) {
  if (leaf_.real()) {
    if (!leaf_.Populated()) return;
    spoilt_ = true;
    if (leaf_.KillAll().ok()) return;
  }
  // Groups led by our children: their numbers are theirs as long as they were not waited for.
  if (main > 0) kill(-main, SIGKILL);
  for (const pid_t child : OwnChildren()) {
    kill(-child, SIGKILL);
    kill(child, SIGKILL);
  }
}

bool Descendants::Contains(pid_t pid, pid_t main) const {
  if (main <= 0 || pid <= 0) return false;
  if (pid == main) return true;
  if (!leaf_.real()) return getsid(pid) == main;
  const std::vector<pid_t> pids = leaf_.Pids();
  return std::find(pids.begin(), pids.end(), pid) != pids.end();
}

}  // namespace grpc_os::supervise
