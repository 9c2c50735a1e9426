// Whether the contents that a database names are what was written, for `grpc-osd --check`.
#ifndef GRPC_OS_STORE_BLOB_BLOB_CHECK_H_
#define GRPC_OS_STORE_BLOB_BLOB_CHECK_H_

#include "absl/status/status.h"
#include "store/blob/content.h"
#include "store/blob/files.h"
#include "store/check.h"
#include "store/database.h"

namespace grpc_os::store {

// Reads all contents, those in files too, and compares how often each file is counted. Changes
// nothing. The error is of the storage.
absl::Status CheckContents(Connection& reader, const Dialect& dialect, Files& files,
                           const ContentHashes& hashes, CheckReport& report);

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_BLOB_BLOB_CHECK_H_
