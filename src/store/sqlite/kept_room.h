// Room that is kept on the disk for changes that must be possible when it is full.
#ifndef GRPC_OS_STORE_SQLITE_KEPT_ROOM_H_
#define GRPC_OS_STORE_SQLITE_KEPT_ROOM_H_

#include <sqlite3.h>
#include <sys/types.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "base/unique_fd.h"
#include "store/database.h"

namespace grpc_os::store {

// The blocks of one file, which may lie beyond its end: fallocate(FALLOC_FL_KEEP_SIZE).
class AllocatedBlocks {
 public:
  // `fd` is somebody else's, and stays open until Close.
  void Open(int fd);
  void Close() { fd_ = -1; }

  // Whether the file has blocks for its first `bytes`; where it had none, for `ahead` more if they
  // are to be had. Always true where the file system knows no such thing.
  bool Reach(int64_t bytes, int64_t ahead);
  // As much towards `bytes` as there is.
  void ReachTowards(int64_t bytes);
  // Those behind `bytes` go back to the disk, where the file system can do that; what was written
  // there is lost.
  void GiveBack(int64_t bytes);
  // The file was cut: what lay behind is gone.
  void Cut() { bytes_ = 0; }

  bool supported() const { return supported_; }
  int64_t bytes() const { return bytes_; }  // as far as is known

 private:
  enum class Result { kDone, kFull };
  Result Allocate(int64_t bytes);

  int fd_ = -1;
  dev_t device_ = 0;
  ino_t inode_ = 0;
  bool supported_ = true;
  int64_t bytes_ = 0;
};

// What the writer of a database keeps: blocks of the log behind its end, blocks of the database
// behind its last page, and the part of the log's index (the -shm file) that they want. So there is
// room for whatever is committed both in the log and in the database, the log can always be moved
// into the database, and begins anew then. A transaction that may not use the reserve is refused
// (SQLITE_FULL) before it would take of it, and where the disk is full, though there be room in the
// log: what is answered then does not depend on that. One that may is refused where it would find
// no room. For the one writing connection; not thread-safe.
class KeptRoom {
 public:
  void OpenLog(const std::string& path);
  void CloseLog();
  // `file` is SQLite's.
  void OpenDatabase(const std::string& path, sqlite3_file* file);
  void CloseDatabase();

  void BeginTransaction(bool may_use_reserve) { may_use_reserve_ = may_use_reserve; }
  // Before the log is written up to its byte `end`. SQLITE_OK or SQLITE_FULL.
  int LogGrowsTo(int64_t end);
  // Before a transaction is committed that makes the database so large. As LogGrowsTo.
  int DatabaseGrowsTo(int64_t bytes);
  void LogEndsAt(int64_t end) {
    log_end_ = end;
    longest_log_ = std::max(longest_log_, end);
  }
  void LogWasCut(int64_t size);
  void DatabaseWasCut(int64_t size);

  // Before a transaction begins: allocates what is missing, with something beside it for the next
  // ones, and, where the disk is full, gives back what a large one took that did not fit then.
  // False: it would be better if the log began anew.
  bool Keep();
  // Whether the disk is so full that what is given up now is not sure to be had again.
  bool DiskIsShort() const;
  Reserve reserve() const;

 private:
  bool IndexReaches(int64_t log_bytes);
  bool MakeRegionOfIndex(int64_t region);

  sqlite3_file* database_ = nullptr;
  std::string index_path_;
  std::string log_path_;
  UniqueFd log_fd_;
  AllocatedBlocks log_blocks_;
  AllocatedBlocks database_blocks_;
  int64_t log_reserve_ = 0;
  int64_t database_reserve_ = 0;
  int64_t log_end_ = 0;           // of its last commit
  int64_t longest_log_ = 0;       // since it was cut: of the last generation something may be left
  int64_t database_end_ = 0;      // with what is in the log
  int64_t index_regions_ = 0;     // of the -shm file, that are there for sure
  bool may_use_reserve_ = false;  // the transaction that began last
  bool full_ = false;             // the disk was, when it was looked at last
};

// Before a start: where the disk has no room for the index that is made then, what is kept behind
// the log, which nobody has open, is given up.
void MakeRoomForIndex(const std::string& log_path, const std::string& index_path);

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_SQLITE_KEPT_ROOM_H_
