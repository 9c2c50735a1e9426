#include "base/disk_space.h"

#include <linux/magic.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"

namespace grpc_os {

namespace {

// Blocks that ext4 keeps for itself, and counts among those that root may take: one of 50, at most
// 4,096 (ext4_calculate_resv_clusters). `blocks` is told without what its own tables and the
// journal take, which make that one of 40 at most.
int64_t KeptByFileSystem(const std::string& path, int64_t blocks) {
  struct statfs disk {};
  const bool ext4 = statfs(path.c_str(), &disk) == 0 && disk.f_type == EXT4_SUPER_MAGIC;
  return ext4 ? std::min<int64_t>(blocks / 40, 4096) : 0;
}

}  // namespace

std::optional<DiskSpace> DiskSpaceAt(const std::string& path) {
  struct statvfs disk {};
  if (statvfs(path.c_str(), &disk) != 0) return std::nullopt;
  const auto block = static_cast<int64_t>(disk.f_frsize);
  const bool root = geteuid() == 0;  // may take what is kept for it
  DiskSpace space;
  const auto free = static_cast<int64_t>(disk.f_bfree);
  const int64_t for_root = free - KeptByFileSystem(path, static_cast<int64_t>(disk.f_blocks));
  const auto available = static_cast<int64_t>(disk.f_bavail);
  space.free_bytes = (root ? std::max(available, for_root) : available) * block;
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
