// Resources of all kinds as rows, and what they claim. Each function runs inside a transaction of
// its caller.
#ifndef GRPC_OS_STORE_RESOURCE_TABLE_H_
#define GRPC_OS_STORE_RESOURCE_TABLE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/resource/resource_store.h"
#include "store/database.h"

namespace grpc_os::store {

// Inserts or replaces by kind and id; its claims are then these and no others. ALREADY_EXISTS,
// saying whose: the name or a claim is another's. INVALID_ARGUMENT: it is too large.
absl::Status PutResource(Connection& connection, const core::StoredResource& resource,
                         int64_t revision);
// With its claims. One that is not there is fine.
absl::Status RemoveResource(Connection& connection, const core::ResourceKey& key);
// Without their claims, in the order of names.
absl::StatusOr<std::vector<core::StoredResource>> ReadResources(Connection& connection,
                                                                const std::string& kind);

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_RESOURCE_TABLE_H_
