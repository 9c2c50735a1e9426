// The file system of the data directory, looked at.
#ifndef GRPC_OS_HOST_DATA_DISK_H_
#define GRPC_OS_HOST_DATA_DISK_H_

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "base/disk_space.h"
#include "core/disk.h"
#include "core/logger.h"
#include "core/scheduler.h"

namespace grpc_os::host {

// Full is a disk with less than limits::kDiskFullBytes, and, because of quotas, one on which
// something could not be stored for want of room within the last limits::kDiskRefusedMs, unless so
// much more is free since then.
class DataDisk final : public core::Disk {
 public:
  struct Parts {
    std::string directory;
    const core::Clock& clock;
    core::Logger& logger;
    std::function<int64_t()> refused_ago_ms;  // how long ago that was; INT64_MAX: never
    std::function<std::optional<DiskSpace>(const std::string&)> space = DiskSpaceAt;
  };
  explicit DataDisk(Parts parts) : parts_(std::move(parts)) {}

  // Writes into the log when it becomes full, and when it is no longer: call it once a second.
  core::DiskState Look() override;

 private:
  const Parts parts_;
  core::DiskState state_;
  bool refused_ = false;  // within that time
  int64_t free_when_refused_ = 0;
};

}  // namespace grpc_os::host

#endif  // GRPC_OS_HOST_DATA_DISK_H_
