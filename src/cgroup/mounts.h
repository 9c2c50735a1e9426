// Where the cgroup of this process lies in the file system.
#ifndef GRPC_OS_CGROUP_MOUNTS_H_
#define GRPC_OS_CGROUP_MOUNTS_H_

#include <string>

#include "absl/status/statusor.h"
#include "cgroup/cgroup.h"

namespace grpc_os::cgroup {

// `mountinfo` and `proc_cgroup` are the texts of /proc/self/mountinfo and /proc/self/cgroup. Gives
// the mode (v2 or hybrid) and the absolute directory of the process's v2 cgroup. NOT_FOUND, as a
// sentence, if there is none that can be seen from here.
absl::StatusOr<Tree> FindOwnCgroup(const std::string& mountinfo, const std::string& proc_cgroup);

}  // namespace grpc_os::cgroup

#endif  // GRPC_OS_CGROUP_MOUNTS_H_
