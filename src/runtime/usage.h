// What the processes of an instance use.
#ifndef GRPC_OS_RUNTIME_USAGE_H_
#define GRPC_OS_RUNTIME_USAGE_H_

#include <cstdint>
#include <string>

namespace grpc_os::runtime {

struct ResourceUsage {
  int64_t memory_bytes = 0;  // resident; shared pages count for each process
  int64_t cpu_time_ms = 0;   // user and system, of the living processes
};

// Of one process, from /proc/PID/stat (proc(5)); nothing if it is not there.
ResourceUsage UsageOfProcess(int pid);
// Of all processes in a leaf cgroup; nothing if it is not there or is not the leaf
// `i-<instance_id>`.
ResourceUsage UsageOfLeaf(const std::string& cgroup_path, const std::string& instance_id);

}  // namespace grpc_os::runtime

#endif  // GRPC_OS_RUNTIME_USAGE_H_
