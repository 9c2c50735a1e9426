// The answers of core::ObjectStore's reads, each from one snapshot. Errors are the storage's.
#ifndef GRPC_OS_STORE_OBJECT_READS_H_
#define GRPC_OS_STORE_OBJECT_READS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "core/object/object_store.h"
#include "store/database.h"

namespace grpc_os::store {

absl::StatusOr<std::optional<core::Object>> ReadObject(Connection& connection,
                                                       const core::ObjectStore::Wanted& wanted);
absl::StatusOr<core::ObjectPage> ReadObjects(Connection& connection,
                                             const core::ObjectQuery& query);
absl::StatusOr<core::ObjectPage> ReadVersions(Connection& connection, const std::string& name_or_id,
                                              core::VersionPlace before, int limit);
absl::StatusOr<std::pair<core::ObjectUsage, std::string>> MeasureObjects(Connection& connection,
                                                                         const std::string& prefix,
                                                                         const std::string& after,
                                                                         int limit);

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_OBJECT_READS_H_
