// What objects were: their replaced and deleted contents, each with its data. Each function runs
// inside a transaction of its caller; errors are the storage's.
#ifndef GRPC_OS_STORE_OBJECT_VERSION_TABLE_H_
#define GRPC_OS_STORE_OBJECT_VERSION_TABLE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/object/object.h"
#include "core/object/object_store.h"
#include "store/database.h"
#include "store/object_table.h"
#include "store/quota_table.h"

namespace grpc_os::store {

// The newest with this name or id and generation; 0: the one that was deleted last.
absl::StatusOr<std::optional<core::Object>> SelectVersion(Connection& connection,
                                                          const std::string& name_or_id,
                                                          int64_t generation, WithData with_data);
// What was retired last first.
absl::StatusOr<std::vector<core::VersionKey>> SelectVersionKeys(Connection& connection,
                                                                const std::string& name_or_id);
// Of those whose own name begins with `prefix`, in the order of names and generations.
absl::StatusOr<std::vector<core::VersionKey>> SelectVersionKeysBelow(Connection& connection,
                                                                     const std::string& prefix,
                                                                     int limit);
// Without data, the newest first; those that come after `before`, which is not {}.
absl::StatusOr<std::vector<core::Object>> SelectVersions(Connection& connection,
                                                         const std::string& name_or_id,
                                                         const core::VersionPlace& before,
                                                         int limit);
// Nothing if there is no such row.
absl::StatusOr<std::string> SelectVersionData(Connection& connection, int64_t number,
                                              int64_t generation);
// As MeasureLive; a name's versions are counted together, so that it may be some more than `limit`.
absl::StatusOr<std::pair<core::ObjectUsage, std::string>> MeasureVersions(Connection& connection,
                                                                          const std::string& prefix,
                                                                          const std::string& after,
                                                                          int limit);

// What follows counts what comes and goes in the quotas that count versions.

// Copies the live row. Forgets the oldest versions of the object, and of its name, which several
// objects may have had one after the other, but limits::kVersionsPerObject.
absl::Status InsertVersion(Connection& connection, QuotaBook& quotas, const core::Object& live,
                           int64_t now_ms, bool deleted);
absl::Status RemoveVersionsOf(Connection& connection, QuotaBook& quotas, int64_t number,
                              int64_t now_ms);
absl::Status RemoveVersion(Connection& connection, QuotaBook& quotas, int64_t number,
                           int64_t generation, int64_t now_ms);
// Of those that were retired at `retired_ms` or before the oldest; how many.
absl::StatusOr<int64_t> RemoveOldVersions(Connection& connection, QuotaBook& quotas,
                                          int64_t retired_ms, int64_t limit, int64_t now_ms);

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_OBJECT_VERSION_TABLE_H_
