// Contents that are files, counted by who has them. Each function runs inside a transaction of its
// caller; errors are the storage's.
#ifndef GRPC_OS_STORE_BLOB_TABLE_H_
#define GRPC_OS_STORE_BLOB_TABLE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/object/blob_index.h"
#include "store/database.h"

namespace grpc_os::store {

absl::Status AddBlobRef(Connection& connection, const std::string& sha256, int64_t size_bytes);
absl::Status DropBlobRef(Connection& connection, const std::string& sha256, int64_t now_ms);

// See core::BlobIndex.
absl::StatusOr<std::vector<core::BlobEntry>> SelectUnusedBlobs(Connection& connection,
                                                               int64_t unused_since_ms, int limit);
absl::StatusOr<std::vector<core::BlobEntry>> SelectBlobs(Connection& connection,
                                                         const std::string& after, int limit);
absl::StatusOr<core::BlobUsage> SumUnusedBlobs(Connection& connection);
absl::StatusOr<bool> RemoveUnusedBlob(Connection& connection, const std::string& sha256,
                                      int64_t unused_since_ms);

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_BLOB_TABLE_H_
