// SQLite's result codes as errors that say what to do.
#ifndef GRPC_OS_STORE_SQLITE_SQLITE_ERROR_H_
#define GRPC_OS_STORE_SQLITE_SQLITE_ERROR_H_

#include <sqlite3.h>

#include <string>

#include "absl/status/status.h"

namespace grpc_os::store {

// The error of the last call on `db`, which returned `code` while it did `what` ("opening",
// "committing", …; never SQL, for users read it). Codes as promised by store::Connection, INTERNAL
// for all others. The call must have begun with errno at 0 (sqlite3_system_errno knows nothing of a
// COMMIT that fails, and may be of an earlier call).
absl::Status SqliteError(sqlite3* db, int code, const std::string& what, const std::string& path);

// DATA_LOSS: `path` is not what it should be, for `cause`; with the cure.
absl::Status SqliteDamaged(const std::string& cause, const std::string& path);

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_SQLITE_SQLITE_ERROR_H_
