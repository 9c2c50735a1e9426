// How the write-ahead log reaches the kernel: a transaction at a time, and with room kept behind
// it.
#ifndef GRPC_OS_STORE_SQLITE_SQLITE_LOG_FILE_H_
#define GRPC_OS_STORE_SQLITE_SQLITE_LOG_FILE_H_

#include <memory>

#include "store/database.h"

namespace grpc_os::store {

// SQLite writes each page of a commit to the log by two calls of the system, its header and itself.
// This VFS (sqlite.org/vfs.html) over the process's default one gathers what is written to a log in
// one piece, and hands it on with the last frame of a transaction (which says that it is:
// sqlite.org/fileformat.html, "WAL File Format"), before anything else is done with the file, and
// whenever it comes to 64 KiB. Other files are the default's own.
//
// Before anything of a transaction is handed on, there is room for it on the disk, and behind it
// what is kept for those that may use it (kept_room.h); else it is refused as SQLITE_FULL.
//
// What is gathered is seen by nobody else, and need not be: SQLite tells other connections of a
// frame only after its transaction's last one. Where it cannot be handed on, the call that would
// have done so fails, the commit at the latest; what a commit could not hand on never comes into
// the log.
//
// For the one connection that writes, to one database, with synchronous=FULL (below that, a commit
// may end with a part of the log's frames that only its sync hands on). Registered from its making
// until its end; the connection that was opened with it ends before. Not thread-safe.
class GatheredLogVfs {
 public:
  GatheredLogVfs();
  GatheredLogVfs(const GatheredLogVfs&) = delete;
  GatheredLogVfs& operator=(const GatheredLogVfs&) = delete;
  ~GatheredLogVfs();

  // For sqlite3_open_v2.
  const char* name() const;

  // Before a transaction begins: what is gathered still is of one that was rolled back.
  void BeginTransaction(bool may_use_reserve);
  // Whether the commit of the transaction that began last may be in the log, as a whole or torn.
  bool handed_on_commit() const;

  // As KeptRoom.
  bool KeepRoom();
  void LogBeginsAnew();
  bool DiskIsShort() const;
  Reserve reserve() const;

 private:
  class Vfs;
  const std::unique_ptr<Vfs> vfs_;
};

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_SQLITE_SQLITE_LOG_FILE_H_
