// What callers of the store hear when the storage fails.
#ifndef GRPC_OS_STORE_STORAGE_ERROR_H_
#define GRPC_OS_STORE_STORAGE_ERROR_H_

#include "absl/status/status.h"

namespace grpc_os::store {

// Whether a failure is of the storage (full, away, damaged) and not of one operation: the
// transaction around it is then taken for lost.
bool IsStorageFailure(const absl::Status& status);

// What callers hear where `what` ("nothing was stored") is so for `status` of a Connection or of
// Files: RESOURCE_EXHAUSTED as UNAVAILABLE (DISK_FULL), UNAVAILABLE as STORE_UNAVAILABLE; every
// other status, and one that already has its detail, as it is.
absl::Status StorageError(const char* what, const absl::Status& status);

// UNAVAILABLE (SHUTTING_DOWN).
absl::Status ShuttingDownError();

// RESOURCE_EXHAUSTED (LIMIT_REACHED): `limit` requests wait in the queue called `queue`.
absl::Status QueueFullError(const char* queue, int limit);

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_STORAGE_ERROR_H_
