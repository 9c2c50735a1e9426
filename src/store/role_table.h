// Roles as rows, but the built-in ones. Each function runs inside a transaction of its caller.
#ifndef GRPC_OS_STORE_ROLE_TABLE_H_
#define GRPC_OS_STORE_ROLE_TABLE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/identity/roles.h"
#include "store/database.h"

namespace grpc_os::store {

// Inserts or replaces by name.
absl::Status PutRole(Connection& connection, const core::Role& role);
// A name that is not there is fine.
absl::Status RemoveRole(Connection& connection, const std::string& name);
// In the order of names. DATA_LOSS: a row holds what cannot be.
absl::StatusOr<std::vector<core::Role>> ReadRoles(Connection& connection);

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_ROLE_TABLE_H_
