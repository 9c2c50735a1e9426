#include "base/disk_space.h"

#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"

namespace grpc_os {

std::optional<DiskSpace> DiskSpaceAt(const std::string& path) {
  struct statvfs disk {};
  if (statvfs(path.c_str(), &disk) != 0) return std::nullopt;
  const auto block = static_cast<int64_t>(disk.f_frsize);
  const bool root = geteuid() == 0;  // may take what is kept for it
  DiskSpace space;
  space.free_bytes = static_cast<int64_t>(root ? disk.f_bfree : disk.f_bavail) * block;
  space.total_bytes = static_cast<int64_t>(disk.f_blocks) * block;
  // Some file systems count no inodes: all of their numbers are 0.
  space.files_left = disk.f_files == 0 || (root ? disk.f_ffree : disk.f_favail) > 0;
  space.read_only = (disk.f_flag & ST_RDONLY) != 0;
  return space;
}

bool IsDiskFull(int error_number) { return error_number == ENOSPC || error_number == EDQUOT; }

std::string DescribeDiskFull(const std::string& directory, int error_number) {
  const auto space = DiskSpaceAt(directory);
  if (!space) return absl::StrCat("disk full: no room is left in ", directory);
  std::string text =
      absl::StrCat("disk full: ", space->free_bytes >> 20, " MiB free in ", directory);
  if (error_number == EDQUOT) {
    absl::StrAppend(&text, ", but the quota of uid ", geteuid(), " there is used up");
  } else if (!space->files_left) {
    absl::StrAppend(&text, ", but it has no inode left for another file");
  }
  return text;
}

}  // namespace grpc_os
