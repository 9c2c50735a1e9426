#include "host/data_disk.h"

#include "absl/strings/str_cat.h"
#include "base/limits.h"

namespace grpc_os::host {

core::DiskState DataDisk::Look() {
  const auto space = parts_.space(parts_.directory);
  state_.directory = parts_.directory;
  if (space) {
    state_.free_bytes = space->free_bytes;
    state_.total_bytes = space->total_bytes;
  }
  const bool refused = parts_.refused_ago_ms() < limits::kDiskRefusedMs;
  if (refused && !refused_) free_when_refused_ = state_.free_bytes;
  refused_ = refused;
  const bool was_full = state_.full;
  const bool known = state_.total_bytes > 0;
  state_.full = (known && state_.free_bytes < limits::kDiskFullBytes) ||
                (refused && state_.free_bytes < free_when_refused_ + limits::kDiskFullBytes);
  if (state_.full == was_full) return state_;
  state_.full_since_ms = state_.full ? parts_.clock.NowMs() : 0;
  parts_.logger.Write(state_.full ? core::LogLevel::kError : core::LogLevel::kInfo,
                      state_.full ? "the disk of the data directory is full"
                                  : "the disk of the data directory has room again",
                      {{"free_bytes", absl::StrCat(state_.free_bytes)}});
  return state_;
}

}  // namespace grpc_os::host
