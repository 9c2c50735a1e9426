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
// 4,096 (ext4_calculate_resv_clusters). f_blocks is told without what its own tables and the
// journal take, which make that one of 40 at most.
int64_t KeptByFileSystem(const struct statfs& disk) {
  if (disk.f_type != EXT4_SUPER_MAGIC) return 0;
  return std::min<int64_t>(static_cast<int64_t>(disk.f_blocks) / 40, 4096);
}

}  // namespace

// One call of the system: it is made for each change of the store.
std::optional<DiskSpace> DiskSpaceAt(const std::string& path) {
  struct statfs disk {};
  if (statfs(path.c_str(), &disk) != 0) return std::nullopt;
  const auto block = static_cast<int64_t>(disk.f_frsize != 0 ? disk.f_frsize : disk.f_bsize);
  const auto available = static_cast<int64_t>(disk.f_bavail);
  const int64_t for_root = static_cast<int64_t>(disk.f_bfree) - KeptByFileSystem(disk);
  const bool root = geteuid() == 0;  // may take what is kept for it
  DiskSpace space;
  space.free_bytes = (root ? std::max(available, for_root) : available) * block;
  space.total_bytes = static_cast<int64_t>(disk.f_blocks) * block;
  // Some file systems count no inodes: all of their numbers are 0.
  space.files_left = disk.f_files == 0 || disk.f_ffree > 0;
  space.read_only = (disk.f_flags & ST_RDONLY) != 0;
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
