#include "supervise/descendants.h"

#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "base/unique_fd.h"
#include "cgroup/children.h"

namespace grpc_os::supervise {
namespace {

constexpr size_t kAtOnce = 256;  // pidfds
constexpr int kRounds = 2;       // for what was begun meanwhile

void Send(int pidfd, int signal) {
  syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0);
  // A stopped process could not heed it.
  syscall(SYS_pidfd_send_signal, pidfd, SIGCONT, nullptr, 0);
}

// What is in the leaf after its pidfd was opened is what that is of, or that has ended.
void SendToLeaf(const cgroup::Leaf& leaf, int signal, std::set<pid_t>& sent) {
  std::vector<pid_t> pids = leaf.Pids();
  std::erase_if(pids, [&](pid_t pid) { return sent.contains(pid); });
  for (size_t begin = 0; begin < pids.size(); begin += kAtOnce) {
    const size_t end = std::min(begin + kAtOnce, pids.size());
    std::vector<std::pair<pid_t, UniqueFd>> opened;
    for (size_t i = begin; i < end; ++i)
      opened.emplace_back(pids[i], UniqueFd(cgroup::OpenProcess(pids[i])));
    const std::vector<pid_t> now = leaf.Pids();
    const std::set<pid_t> in_it(now.begin(), now.end());
    for (const auto& [pid, process] : opened) {
      if (process && in_it.contains(pid) && sent.insert(pid).second) Send(process.get(), signal);
    }
  }
}

bool HasChildren() {
  siginfo_t info{};
  return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

}  // namespace

bool Descendants::AnyLeft() const { return leaf_.Populated() || HasChildren(); }

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
  if (leaf_.Populated()) {
    spoilt_ = true;
    leaf_.KillAll().IgnoreError();  // what that did not reach is tried below, and found left
  }
  // Groups led by our children: their numbers are theirs as long as they were not waited for.
  if (main > 0) kill(-main, SIGKILL);
  for (const pid_t child : cgroup::OwnChildren()) {
    kill(-child, SIGKILL);
    kill(child, SIGKILL);
  }
}

void Descendants::SignalAll(int signal) const {
  std::set<pid_t> sent;
  for (int round = 0; round < kRounds; ++round) {
    const size_t before = sent.size();
    SendToLeaf(leaf_, signal, sent);
    cgroup::ForEachDescendant([&](pid_t pid, int process) {
      if (sent.insert(pid).second) Send(process, signal);
    });
    if (sent.size() == before) return;
  }
}

std::vector<pid_t> Descendants::Left() const {
  std::vector<pid_t> left = leaf_.Pids();
  cgroup::ForEachDescendant([&left](pid_t pid, int) { left.push_back(pid); });
  std::sort(left.begin(), left.end());
  left.erase(std::unique(left.begin(), left.end()), left.end());
  return left;
}

bool Descendants::AnyLeftIn(pid_t group) const {
  const std::vector<pid_t> left = Left();
  return std::any_of(left.begin(), left.end(),
                     [group](pid_t pid) { return getpgid(pid) == group; });
}

std::string Descendants::NameLeft() const { return cgroup::NameProcesses(Left()); }

bool Descendants::Contains(pid_t pid, pid_t main) const {
  if (main <= 0 || pid <= 0) return false;
  if (pid == main) return true;
  if (!leaf_.real()) return getsid(pid) == main;
  const std::vector<pid_t> pids = leaf_.Pids();
  return std::find(pids.begin(), pids.end(), pid) != pids.end();
}

}  // namespace grpc_os::supervise
