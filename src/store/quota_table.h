// Quotas as rows, with what is used of them. Each function runs inside a transaction of its caller.
#ifndef GRPC_OS_STORE_QUOTA_TABLE_H_
#define GRPC_OS_STORE_QUOTA_TABLE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/object/quota.h"
#include "store/database.h"

namespace grpc_os::store {

// Inserts or replaces by prefix. What is used of it is counted anew: all objects below the prefix
// are looked at. The quota as it is then.
absl::StatusOr<core::Quota> PutQuota(Connection& connection, const core::Quota& quota);
// Whether there was one.
absl::StatusOr<bool> RemoveQuota(Connection& connection, const std::string& prefix);
// In the order of prefixes.
absl::StatusOr<std::vector<core::Quota>> ReadQuotas(Connection& connection);

// Adds what the deltas together do to each quota that they lie below. RESOURCE_EXHAUSTED
// (QUOTA_EXCEEDED): one would be exceeded and gets more; nothing is written then.
absl::Status ChargeQuotas(Connection& connection, const std::vector<core::QuotaDelta>& deltas);

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_QUOTA_TABLE_H_
