// SQLite behind the seam.
#ifndef GRPC_OS_STORE_SQLITE_SQLITE_DATABASE_H_
#define GRPC_OS_STORE_SQLITE_SQLITE_DATABASE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "store/database.h"

namespace grpc_os::store {

// The database in the file `path`, which is made, private to its owner (0600), if it is not there;
// its directory must be there. A file that is not ours or is damaged is refused and left as it is.
//
// Write-ahead log, synchronous=FULL: what is committed survives a loss of power. SQLite before
// 3.51.3 can damage a database that two connections write or checkpoint at the same time
// (sqlite.org/wal.html, "The WAL-Reset Bug"), hence: one writing connection, which alone
// checkpoints, readers that can do neither, and nobody else opens the file while the daemon lives.
//
// Before SQLite sees the file, its header, its length and its log are looked at, and after an
// unclean stop a small file is read through (PRAGMA quick_check), so that what was cut off or
// overwritten is refused and left byte for byte as it was. If `sign_of_use` is there (a path) but
// the file is not, that is a loss and no beginning.
//
// UNAVAILABLE: the file cannot be made or opened; FAILED_PRECONDITION: it is another program's, or
// its file system has no shared memory for the write-ahead log; DATA_LOSS: damaged.
absl::StatusOr<std::unique_ptr<Database>> OpenSqlite(const std::string& path,
                                                     const std::string& sign_of_use = "");

const Dialect& SqliteDialect();

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_SQLITE_SQLITE_DATABASE_H_
