// The room of a file system, and how it is said that it is full.
#ifndef GRPC_OS_BASE_DISK_SPACE_H_
#define GRPC_OS_BASE_DISK_SPACE_H_

#include <cstdint>
#include <optional>
#include <string>

namespace grpc_os {

struct DiskSpace {
  int64_t free_bytes = 0;   // for this account
  int64_t total_bytes = 0;  // of the file system
  bool files_left = true;   // whether another file can be made
  bool read_only = false;
};

// Of the file system that holds `path`; nullopt: it cannot be looked at.
std::optional<DiskSpace> DiskSpaceAt(const std::string& path);

// ENOSPC, and EDQUOT: the file system has room, but not for this account.
bool IsDiskFull(int error_number);

// "disk full: 3 MiB free in /data", with the reason where it is not the number of bytes.
std::string DescribeDiskFull(const std::string& directory, int error_number);

}  // namespace grpc_os

#endif  // GRPC_OS_BASE_DISK_SPACE_H_
