// The one row that says what the database is. Each function runs inside a transaction of its
// caller.
#ifndef GRPC_OS_STORE_META_TABLE_H_
#define GRPC_OS_STORE_META_TABLE_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "store/database.h"

namespace grpc_os::store {

struct StoreMeta {
  int64_t revision = 0;          // of the newest commit
  int64_t compact_revision = 0;  // the events of revisions up to this one are no longer kept
  std::string boot_id;
};

// DATA_LOSS: it is not there. `for_update` is the dialect's, where the row is to stay locked.
absl::StatusOr<StoreMeta> ReadMeta(Connection& connection, const char* for_update = "");
absl::Status WriteRevision(Connection& connection, int64_t revision);
absl::Status WriteCompactRevision(Connection& connection, int64_t revision);
absl::Status WriteBootId(Connection& connection, const std::string& boot_id);

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_META_TABLE_H_
