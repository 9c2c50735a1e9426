#include "store/sqlite/kept_room.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <limits>
#include <system_error>

#include "absl/strings/numbers.h"
#include "base/disk_space.h"
#include "base/limits.h"

namespace grpc_os::store {
namespace {

constexpr int64_t kBlockBytes = 512;  // of stat
constexpr int64_t kPieceBytes = int64_t{64} << 10;

// Of the index of a log (sqlite.org/walformat.html): a region of the -shm file has room for so many
// frames, the first for fewer. A frame is a header and a page of ours.
constexpr int kIndexRegionBytes = 32768;
constexpr int64_t kIndexFrames = 4096;
constexpr int64_t kIndexFramesOfTheFirst = 4062;
constexpr int64_t kFrameBytes = 24 + 4096;

// The descriptor by which SQLite has the database, or the index, open for writing: there is only
// one. None of our own, because closing that would give up the locks that this process has on the
// file (sqlite.org/howtocorrupt.html, 2.2).
int DescriptorOf(const std::string& path) {
  struct stat wanted {};
  if (stat(path.c_str(), &wanted) != 0) return -1;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", error)) {
    int fd = -1;
    struct stat found {};
    if (!absl::SimpleAtoi(entry.path().filename().string(), &fd) || fstat(fd, &found) != 0)
      continue;
    if (found.st_dev != wanted.st_dev || found.st_ino != wanted.st_ino) continue;
    if ((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR) return fd;
  }
  return -1;
}

int64_t RegionsOf(int64_t log_bytes) {
  return (log_bytes / kFrameBytes + kIndexFrames - kIndexFramesOfTheFirst) / kIndexFrames + 1;
}

int64_t FreeBytesAt(const std::string& path) {
  const auto space = DiskSpaceAt(path);
  return space ? space->free_bytes : std::numeric_limits<int64_t>::max();
}

int64_t SizeOf(int fd) {
  struct stat info {};
  return fstat(fd, &info) == 0 ? int64_t{info.st_size} : 0;
}

}  // namespace

// ---- AllocatedBlocks ---------------------------------------------------------------------------

void AllocatedBlocks::Open(int fd) {
  struct stat info {};
  supported_ = fd >= 0 && fstat(fd, &info) == 0;
  fd_ = fd;
  device_ = info.st_dev;
  inode_ = info.st_ino;
  bytes_ = 0;
}

AllocatedBlocks::Result AllocatedBlocks::Allocate(int64_t bytes) {
  struct stat info {};
  // SQLite may have closed it.
  if (fstat(fd_, &info) != 0 || info.st_dev != device_ || info.st_ino != inode_) {
    supported_ = false;
    return Result::kDone;
  }
  int code = 0;
  do {
    code = fallocate(fd_, FALLOC_FL_KEEP_SIZE, bytes_, bytes - bytes_);
  } while (code != 0 && errno == EINTR);
  if (code == 0) {
    bytes_ = bytes;
    return Result::kDone;
  }
  if (IsDiskFull(errno) || errno == EFBIG) {
    // After a start: some file systems want room even where the blocks are there.
    if (bytes_ == 0) bytes_ = int64_t{info.st_blocks} * kBlockBytes;
    return bytes <= bytes_ ? Result::kDone : Result::kFull;
  }
  supported_ = false;
  return Result::kDone;
}

bool AllocatedBlocks::Reach(int64_t bytes, int64_t ahead) {
  if (!supported_ || bytes <= bytes_) return true;
  if (ahead > 0 && Allocate(bytes + ahead) == Result::kDone) return true;
  return bytes <= bytes_ || Allocate(bytes) == Result::kDone;
}

void AllocatedBlocks::ReachTowards(int64_t bytes) {
  for (int64_t piece = bytes - bytes_; supported_ && piece >= kPieceBytes;) {
    if (Allocate(std::min(bytes, bytes_ + piece)) == Result::kFull) piece /= 2;
    if (bytes_ >= bytes) return;
  }
}

void AllocatedBlocks::GiveBack(int64_t bytes) {
  if (fallocate(fd_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, bytes, bytes_ - bytes) == 0)
    bytes_ = bytes;
}

// ---- KeptRoom ----------------------------------------------------------------------------------

void KeptRoom::OpenLog(const std::string& path) {
  log_path_ = path;
  log_fd_.Reset(open(path.c_str(), O_RDWR | O_CLOEXEC));
  log_blocks_.Open(log_fd_.get());
  const auto space = DiskSpaceAt(path);
  const int64_t part = (space ? space->total_bytes : 0) / limits::kStoreReserveFraction;
  log_reserve_ = std::clamp(part & ~(kPieceBytes - 1), limits::kStoreReserveBytesMin,
                            limits::kStoreReserveBytesMax);
  // The pages of a transaction are many in the log, and few of them are new ones of the database.
  database_reserve_ = log_reserve_ / 4;
  log_end_ = longest_log_ = log_fd_ ? SizeOf(log_fd_.get()) : 0;
}

void KeptRoom::CloseLog() {
  log_blocks_.Close();
  log_fd_.Reset();
}

void KeptRoom::OpenDatabase(const std::string& path, sqlite3_file* file) {
  database_ = file;
  index_path_ = path + "-shm";
  index_regions_ = 0;
  const int fd = DescriptorOf(path);
  database_blocks_.Open(fd);
  database_end_ = fd < 0 ? 0 : SizeOf(fd);
}

void KeptRoom::CloseDatabase() {
  database_blocks_.Close();
  database_ = nullptr;
}

int KeptRoom::LogGrowsTo(int64_t end) {
  if (!may_use_reserve_ && full_ && log_blocks_.supported()) return SQLITE_FULL;
  const int64_t bytes = may_use_reserve_ ? end : end + log_reserve_;
  const bool room = log_blocks_.Reach(bytes, may_use_reserve_ ? 0 : log_reserve_ / 4);
  return room && IndexReaches(bytes) ? SQLITE_OK : SQLITE_FULL;
}

int KeptRoom::DatabaseGrowsTo(int64_t bytes) {
  // Without that room the log cannot be moved into the database, and lasts until its own is used.
  const bool room = database_blocks_.Reach(may_use_reserve_ ? bytes : bytes + database_reserve_,
                                           may_use_reserve_ ? 0 : database_reserve_ / 2);
  if (!room && !may_use_reserve_) return SQLITE_FULL;
  database_end_ = bytes;
  return SQLITE_OK;
}

void KeptRoom::LogWasCut(int64_t size) {
  log_end_ = std::min(log_end_, size);
  longest_log_ = std::min(longest_log_, size);
  log_blocks_.Cut();
  Keep();
}

void KeptRoom::DatabaseWasCut(int64_t size) {
  database_end_ = size;
  database_blocks_.Cut();
  Keep();
}

bool KeptRoom::Keep() {
  const int64_t ahead = log_reserve_ / 4;
  const int64_t wanted = log_end_ + log_reserve_ + ahead;
  const bool index = IndexReaches(wanted);
  const bool log = log_blocks_.Reach(wanted, ahead);
  if (!log) log_blocks_.ReachTowards(wanted);
  if (!database_blocks_.Reach(database_end_ + database_reserve_, database_reserve_ / 2))
    database_blocks_.ReachTowards(database_end_ + database_reserve_);
  full_ = FreeBytesAt(log_path_) < kPieceBytes;
  // Only behind every commit there ever was: what lies there is read again after a crash.
  const int64_t used = longest_log_ + log_reserve_ + 3 * ahead;
  if (full_ && log_blocks_.bytes() > used) {
    log_blocks_.GiveBack(used);
    full_ = FreeBytesAt(log_path_) < kPieceBytes;
  }
  return (index && log) || log_end_ == 0;
}

// SQLite extends the index by itself, but only once a commit is in the log.
bool KeptRoom::IndexReaches(int64_t log_bytes) {
  if (database_ == nullptr || !log_blocks_.supported()) return true;
  const int64_t regions = RegionsOf(log_bytes);
  while (index_regions_ < regions && MakeRegionOfIndex(index_regions_)) ++index_regions_;
  return index_regions_ >= regions;
}

// SQLite writes a byte into each page of it, and then into the mapped memory: where blocks are
// smaller than pages, the disk may be full by then, which ends the process (SIGBUS).
bool KeptRoom::MakeRegionOfIndex(int64_t region) {
  void volatile* mapped = nullptr;
  if (database_->pMethods->xShmMap(database_, static_cast<int>(region), kIndexRegionBytes, 1,
                                   &mapped) != SQLITE_OK)
    return false;
  const int fd = DescriptorOf(index_path_);
  return fd < 0 ||
         fallocate(fd, FALLOC_FL_KEEP_SIZE, region * kIndexRegionBytes, kIndexRegionBytes) == 0 ||
         !IsDiskFull(errno);
}

bool KeptRoom::DiskIsShort() const { return log_fd_ && FreeBytesAt(log_path_) < log_reserve_; }

Reserve KeptRoom::reserve() const {
  const auto kept = [](const AllocatedBlocks& blocks, int64_t end, int64_t reserve) {
    return blocks.supported() ? std::clamp(blocks.bytes() - end, int64_t{0}, reserve) : 0;
  };
  return {.wanted_bytes = log_reserve_ + database_reserve_,
          .kept_bytes = kept(log_blocks_, log_end_, log_reserve_) +
                        kept(database_blocks_, database_end_, database_reserve_),
          .supported = log_blocks_.supported()};
}

void MakeRoomForIndex(const std::string& log_path, const std::string& index_path) {
  const UniqueFd log(open(log_path.c_str(), O_RDWR | O_CLOEXEC));
  struct stat info {};
  if (!log || fstat(log.get(), &info) != 0) return;
  const int64_t wanted = RegionsOf(info.st_size) * kIndexRegionBytes;
  // Of an index that is there SQLite gives up all but the first page, and makes it again.
  struct stat index {};
  if (stat(index_path.c_str(), &index) != 0) index.st_blocks = 0;
  if (FreeBytesAt(log_path) >= wanted - int64_t{index.st_blocks} * kBlockBytes) return;
  // To the size that it has: what lies behind its end goes. Where it fails, SQLite says why.
  static_cast<void>(ftruncate(log.get(), info.st_size) == 0);
}

}  // namespace grpc_os::store
