// The bytes of a database and its log, looked at before SQLite does: it cannot tell a log that was
// damaged from one that ends, nor, beside a log, a database that was cut off.
#ifndef GRPC_OS_STORE_SQLITE_SQLITE_BYTES_H_
#define GRPC_OS_STORE_SQLITE_SQLITE_BYTES_H_

#include <string>

#include "absl/status/status.h"

namespace grpc_os::store {

// DATA_LOSS: the header of the database at `path` is not one of ours; the file ends before its last
// page, and the missing ones are not in its log either; or the log is damaged in what was synced,
// so that SQLite would silently leave out committed transactions. Such a log is known by its
// commits: at most one transaction, the last, is unsynced when the power goes, so where two commits
// follow a frame that is not valid, that frame was once (sqlite.org/fileformat.html, "The
// Write-Ahead Log"). Where the log's header is not valid, the commits behind it are no loss if the
// database has all of them: the power went while the log began again. Reads the headers of the file
// and the log, and of the log the frames; changes nothing. What it cannot see: a log that is gone
// or cut off between two of its frames.
absl::Status CheckSqliteBytes(const std::string& path);

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_SQLITE_SQLITE_BYTES_H_
