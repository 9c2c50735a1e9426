// How much memory this process may have.
#ifndef GRPC_OS_HOST_MEMORY_LIMIT_H_
#define GRPC_OS_HOST_MEMORY_LIMIT_H_

#include <cstddef>
#include <string>

namespace grpc_os::host {

// The machine's memory, or less if a cgroup of ours or one above it allows less (v2: memory.max,
// v1: memory.limit_in_bytes), as far as that can be read.
size_t MemoryLimitHere();

// As in `machine_bytes` of memory, with the cgroups that `membership` (as /proc/self/cgroup) names
// below `mount` (as /sys/fs/cgroup).
size_t MemoryLimit(size_t machine_bytes, const std::string& membership, const std::string& mount);

}  // namespace grpc_os::host

#endif  // GRPC_OS_HOST_MEMORY_LIMIT_H_
