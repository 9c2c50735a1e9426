// Sessions as rows. Each function runs inside a transaction of its caller.
#ifndef GRPC_OS_STORE_SESSION_TABLE_H_
#define GRPC_OS_STORE_SESSION_TABLE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/identity/user.h"
#include "store/database.h"

namespace grpc_os::store {

// Inserts or replaces by id.
absl::Status PutSession(Connection& connection, const core::Session& session);
// An id that is not there is fine.
absl::Status RemoveSession(Connection& connection, const std::string& id);
// Those that are over at `now_ms`.
absl::Status RemoveExpiredSessions(Connection& connection, int64_t now_ms);
// Those that are not over at `now_ms`, in the order of ids. DATA_LOSS: a row holds what
// cannot be.
absl::StatusOr<std::vector<core::Session>> ReadSessions(Connection& connection, int64_t now_ms);

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_SESSION_TABLE_H_
