// A whole look at a database file, for `grpc-osd --check`.
#ifndef GRPC_OS_STORE_SQLITE_SQLITE_CHECK_H_
#define GRPC_OS_STORE_SQLITE_SQLITE_CHECK_H_

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "store/check.h"

namespace grpc_os::store {

// Reads the database at `path`, which nobody else has open, and its log, and changes neither: its
// bytes (sqlite_bytes.h), SQLite's own integrity_check and foreign_key_check, its tables and
// indexes against those that this program makes, and its content; then `more`, if it is given. The
// error is where it cannot be read.
using CheckMore =
    std::function<absl::Status(Connection& reader, const Dialect& dialect, CheckReport& report)>;
absl::StatusOr<CheckReport> CheckSqlite(const std::string& path, const CheckMore& more = nullptr);

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_SQLITE_SQLITE_CHECK_H_
