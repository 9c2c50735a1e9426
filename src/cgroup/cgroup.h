// Control groups as a way to find and kill all descendants of a process. Only the v2 tree is used,
// alone ("v2") or beside v1 controllers ("hybrid": mounted at …/unified); where there is none to
// write to, mode "none".
#ifndef GRPC_OS_CGROUP_CGROUP_H_
#define GRPC_OS_CGROUP_CGROUP_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/unique_fd.h"

namespace grpc_os::cgroup {

enum class Mode { kV2, kHybrid, kNone };
const char* ToString(Mode mode);  // "v2", "hybrid", "none"

struct Tree {
  Mode mode = Mode::kNone;
  // Absolute path of the directory below which leaves are made; empty in mode none. Stable for a
  // data directory.
  std::string path;
};

// The last component of the path of a data directory's tree.
std::string TreeName(const std::string& key);

// Makes (or finds again) the tree `grpc-os-<key>` under the cgroup of this process, with a leaf
// `control`, and moves this process into `control`. If this process is in such a tree already, uses
// that. `owner`, if not 0, gets the tree (delegation). Anything missing (no v2 mount, no
// permission) gives mode none, never an error; `why`, if not null, says what was missing.
Tree PrepareTree(const std::string& key, uid_t owner, gid_t owner_group, std::string* why);

// The way back: moves this process out of `tree` and removes the tree, with its empty leaves, if no
// other process is in it. Waits up to `wait_ms` for those that are ending. Mode none: nothing.
void LeaveTree(const Tree& tree, int wait_ms);

// One process's leaf. Not thread-safe.
class Leaf {
 public:
  // Makes the directory if it is not there; an empty path makes a leaf of mode none, on which all
  // is a no-op.
  static absl::StatusOr<Leaf> Open(const std::string& path);

  bool real() const { return static_cast<bool>(directory_); }
  const std::string& path() const { return path_; }
  // For clone3(CLONE_INTO_CGROUP); -1 in mode none.
  int directory_fd() const { return directory_.get(); }
  // Readable (EPOLLPRI) when "populated" changes; -1 in mode none.
  int events_fd() const { return events_.get(); }
  // Whether any process (zombies aside) is in it; false in mode none.
  bool Populated() const;
  // SIGKILL to everything in it, at once and race-free (cgroup.kill). Sends nothing if it is empty.
  absl::Status KillAll() const;
  // The pids in it now. For statistics and identity checks, never for signalling.
  std::vector<pid_t> Pids() const;
  // rmdir; an error if populated.
  absl::Status Remove();

 private:
  std::string path_;
  UniqueFd directory_;
  UniqueFd events_;
};

}  // namespace grpc_os::cgroup

#endif  // GRPC_OS_CGROUP_CGROUP_H_
