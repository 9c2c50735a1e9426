// Roles as they were stored up to version 5 of the schema.
#ifndef GRPC_OS_STORE_FORMER_ROLES_H_
#define GRPC_OS_STORE_FORMER_ROLES_H_

#include "absl/status/status.h"
#include "store/database.h"

namespace grpc_os::store {

// From their own table to that of all resources. DATA_LOSS: a row holds what cannot be.
absl::Status MoveRoles(Connection& writer);

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_FORMER_ROLES_H_
