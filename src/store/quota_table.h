// Quotas as rows, with what is used of them. Each function runs inside a transaction of its caller.
#ifndef GRPC_OS_STORE_QUOTA_TABLE_H_
#define GRPC_OS_STORE_QUOTA_TABLE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/object/quota.h"
#include "store/database.h"

namespace grpc_os::store {

// In the order of prefixes.
absl::StatusOr<std::vector<core::Quota>> SelectQuotas(Connection& connection);
// What lies below the prefix of `quota`, counted: all that it counts is looked at.
absl::StatusOr<core::Quota> CountQuota(Connection& connection, const core::Quota& quota);

// Which quotas there are, known on the writer's thread without asking for them, so that a change
// without any costs no statement. See core::ObjectRows for the rest.
class QuotaBook {
 public:
  absl::Status Charge(Connection& connection, const std::vector<core::QuotaDelta>& deltas);
  // That versions came or went: of each name, as objects and bytes. It refuses nothing.
  absl::Status CountVersions(Connection& connection, const std::vector<core::QuotaDelta>& deltas);
  absl::StatusOr<core::Quota> Put(Connection& connection, const core::Quota& quota);
  absl::StatusOr<bool> Remove(Connection& connection, const std::string& prefix);

  // No transaction is under way: what the last ones did to the quotas stays, or is undone.
  void Settle();

 private:
  absl::Status Load(Connection& connection);

  std::optional<core::QuotaPrefixes> prefixes_;
  core::QuotaPrefixes with_versions_;  // those of them that count versions
  // By a transaction that may still be undone: until then they are read each time.
  bool changed_ = false;
};

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_QUOTA_TABLE_H_
