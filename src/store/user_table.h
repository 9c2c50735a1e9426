// Users as rows. Each function runs inside a transaction of its caller.
#ifndef GRPC_OS_STORE_USER_TABLE_H_
#define GRPC_OS_STORE_USER_TABLE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/identity/user.h"
#include "store/database.h"

namespace grpc_os::store {

// Inserts or replaces by name.
absl::Status PutUser(Connection& connection, const core::User& user);
// With the user's sessions. A name that is not there is fine.
absl::Status RemoveUser(Connection& connection, const std::string& name);
// In the order of names. DATA_LOSS: a row holds what cannot be.
absl::StatusOr<std::vector<core::User>> ReadUsers(Connection& connection);

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_USER_TABLE_H_
