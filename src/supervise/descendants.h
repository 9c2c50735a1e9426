// All that a payload has begotten: how to find out whether something is left, and how to kill it.
#ifndef GRPC_OS_SUPERVISE_DESCENDANTS_H_
#define GRPC_OS_SUPERVISE_DESCENDANTS_H_

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "cgroup/cgroup.h"

namespace grpc_os::supervise {

// By the cgroup leaf, and for what has left it (`su -`, `systemd-run --scope`), or where there is
// none: the main process's group, and the supervisor's own children, to whom orphans are added
// because it is a subreaper; a descendant is killed when those above it are dead. Only pids of
// children that were not waited for yet, and pidfds of what surely came of them, are signalled, so
// never a stranger. Not thread-safe.
class Descendants {
 public:
  // `used`: the leaf was there before us.
  Descendants(cgroup::Leaf leaf, bool used) : leaf_(std::move(leaf)), spoilt_(used) {}

  const cgroup::Leaf& leaf() const { return leaf_; }
  // The leaf cannot be used after all, or is not needed any more: from now on, mode none. Removes
  // it, if it is empty.
  void GiveUpLeaf();

  // Kernels whose cgroup.kill counts (kill_seq; seen on 6.18) kill whatever is cloned by
  // CLONE_INTO_CGROUP into a cgroup that was ever killed: they compare the count of the target with
  // that of the parent's own cgroup. So an empty leaf is removed and made anew before the next
  // clone if it may have been killed: by us, by a supervisor before us, or by someone else.
  bool leaf_is_spoilt() const { return leaf_.real() && spoilt_; }
  void SuspectLeaf() { spoilt_ = true; }
  // An error leaves the old one in place. Its descriptors change.
  absl::Status RenewLeaf();

  // Whether anything is left; children that ended must have been waited for before.
  bool AnyLeft() const;
  // SIGKILL to all that can be found now. `main`: the main process, 0 if it was waited for. To be
  // called again whenever a child ended and the leaf is empty.
  void KillAll(pid_t main);
  // `signal`, then SIGCONT, to each once.
  void SignalAll(int signal) const;
  // Whether any is in that process group.
  bool AnyLeftIn(pid_t group) const;
  // For people: which are left.
  std::string NameLeft() const;
  // Whether `pid`, alive just now, is one of them.
  bool Contains(pid_t pid, pid_t main) const;

 private:
  std::vector<pid_t> Left() const;

  cgroup::Leaf leaf_;
  bool spoilt_;
};

}  // namespace grpc_os::supervise

#endif  // GRPC_OS_SUPERVISE_DESCENDANTS_H_
