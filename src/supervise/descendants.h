// All that a payload has begotten: how to find out whether something is left, and how to kill it.
#ifndef GRPC_OS_SUPERVISE_DESCENDANTS_H_
#define GRPC_OS_SUPERVISE_DESCENDANTS_H_

#include <sys/types.h>

#include <utility>

#include "cgroup/cgroup.h"

namespace grpc_os::supervise {

// By the cgroup leaf, from which nothing can escape. Without one (mode none): the main process's
// group, and the supervisor's own children, to whom orphans are added because it is a subreaper; a
// descendant is found when those above it are dead. Only pids of children that were not waited for
// yet are signalled, so never a stranger. Not thread-safe.
class Descendants {
 public:
  explicit Descendants(cgroup::Leaf leaf) : leaf_(std::move(leaf)) {}

  const cgroup::Leaf& leaf() const { return leaf_; }
  cgroup::Leaf& leaf() { return leaf_; }
  // The leaf cannot be used after all: from now on, mode none.
  void GiveUpLeaf() { leaf_ = cgroup::Leaf(); }

  // Whether anything is left; children that ended must have been waited for before.
  bool AnyLeft() const;
  // SIGKILL to all that can be found now. `main`: the main process, 0 if it was waited for. Without
  // a leaf, to be called again whenever a child ended.
  void KillAll(pid_t main) const;
  // Whether `pid`, alive just now, is one of them.
  bool Contains(pid_t pid, pid_t main) const;

 private:
  cgroup::Leaf leaf_;
};

}  // namespace grpc_os::supervise

#endif  // GRPC_OS_SUPERVISE_DESCENDANTS_H_
