// The children of a process, as /proc shows them.
#ifndef GRPC_OS_CGROUP_CHILDREN_H_
#define GRPC_OS_CGROUP_CHILDREN_H_

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

namespace grpc_os::cgroup {

// Of the calling thread, which must be the program's only one; zombies, too. Until it has waited
// for them their numbers are surely theirs. None where /proc is of another pid namespace.
std::vector<pid_t> OwnChildren();

// Calls `visit` with each process below the calling one, those further down first, and a pidfd of
// it, which is surely not a stranger's. What begins or ends meanwhile may be missed.
void ForEachDescendant(const std::function<void(pid_t pid, int pidfd)>& visit);

// A pidfd, or none.
int OpenProcess(pid_t pid);

// For people: "812 (sleep), 813 (cat) and 4 more". Those that have ended are left out.
std::string NameProcesses(const std::vector<pid_t>& pids);

}  // namespace grpc_os::cgroup

#endif  // GRPC_OS_CGROUP_CHILDREN_H_
