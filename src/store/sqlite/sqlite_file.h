// The file of a database: how it comes to be and how ours is known.
#ifndef GRPC_OS_STORE_SQLITE_SQLITE_FILE_H_
#define GRPC_OS_STORE_SQLITE_SQLITE_FILE_H_

#include <string>

#include "absl/status/status.h"

namespace grpc_os::store {

// "GOSd" in the header of each of our files (sqlite.org/fileformat.html, "Application ID").
inline constexpr int kSqliteApplicationId = 0x474f5364;

// After it, `path` is a database file of ours, empty of tables if it was made just now, nobody but
// its owner may read it, and its bytes are as sqlite_bytes.h expects them. A new file appears whole
// or not at all, so that an empty file is always a loss and never a beginning; where `sign_of_use`
// (a path, or "") is there and `path` is not, none is made. Errors as OpenSqlite.
absl::Status EnsureSqliteFile(const std::string& path, const std::string& sign_of_use = "");

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_SQLITE_SQLITE_FILE_H_
