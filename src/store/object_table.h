// The live objects: one row each, and what is found of them by id and expiry. Each
// function runs inside a transaction of its caller; errors are the storage's.
#ifndef GRPC_OS_STORE_OBJECT_TABLE_H_
#define GRPC_OS_STORE_OBJECT_TABLE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/object/object.h"
#include "core/object/object_store.h"
#include "store/database.h"
#include "store/dialect.h"

namespace grpc_os::store {

enum class WithData { kNo, kYes };

absl::StatusOr<std::optional<core::Object>> SelectObject(Connection& connection,
                                                         const std::string& name_or_id,
                                                         WithData with_data);
// These look into the index of names only. Empty: there is no such name.
absl::StatusOr<bool> ObjectExists(Connection& connection, const std::string& name);
absl::StatusOr<std::string> SelectNameFrom(Connection& connection, const std::string& name);
absl::StatusOr<std::string> SelectNameBefore(Connection& connection, const std::string& name);
absl::StatusOr<bool> AnyObjectBelow(Connection& connection, const std::string& folder);
// Nothing if there is no such row.
absl::StatusOr<std::string> SelectObjectData(Connection& connection, int64_t number);

absl::StatusOr<std::vector<core::Object>> SelectExpired(Connection& connection, int64_t now_ms,
                                                        int limit);
absl::StatusOr<bool> AnyObjectExpired(Connection& connection, int64_t now_ms);
// ALREADY_EXISTS: its number, its name or its id is taken.
absl::Status InsertObject(Connection& connection, const core::Object& object);
// `now_ms`: since when a content that this was the last to have has none.
absl::Status UpdateObject(Connection& connection, const core::Object& object,
                          core::ObjectRows::Content content, int64_t now_ms);
absl::Status RemoveObject(Connection& connection, int64_t number, int64_t now_ms);
// See core::ObjectRows::Rename.
absl::StatusOr<int64_t> RenameObjects(Connection& connection, const Dialect& dialect,
                                      const std::string& from, const std::string& to,
                                      int64_t revision, int64_t now_ms);

// Forgets the wished id of an object that is neither live nor has a version.
absl::Status DropUnusedId(Connection& connection, const std::string& id, int64_t number);

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_OBJECT_TABLE_H_
