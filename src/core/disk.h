// The disk of the data directory, and what is answered where it is full.
#ifndef GRPC_OS_CORE_DISK_H_
#define GRPC_OS_CORE_DISK_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"

namespace grpc_os::core {

// UNAVAILABLE (DISK_FULL). `cause`: "disk full: 3 MiB free in /data"; `what`: what was not done.
absl::Status DiskFullError(const std::string& cause, const std::string& what);
bool IsDiskFullError(const absl::Status& status);

struct DiskState {
  std::string directory = {};
  int64_t free_bytes = 0;
  int64_t total_bytes = 0;
  bool full = false;
  int64_t full_since_ms = 0;  // as far as this daemon knows
};

// The port to it. On the core's thread.
class Disk {
 public:
  virtual ~Disk() = default;
  virtual DiskState Look() = 0;  // as it is now
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_DISK_H_
