// The columns that live objects and their versions have in common.
#ifndef GRPC_OS_STORE_OBJECT_ROW_H_
#define GRPC_OS_STORE_OBJECT_ROW_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/object/object.h"
#include "store/database.h"

namespace grpc_os::store {

inline constexpr const char* kObjectColumns =
    "number, id, name, folder, generation, metageneration, create_revision, revision, size_bytes, "
    "sha256, crc32c, content_type, metadata, owner, create_time_ms, update_time_ms, "
    "expire_time_ms, blob";
// Of a version, after those.
inline constexpr const char* kVersionColumns = ", retire_time_ms, deleted";

// What follows kObjectColumns in a SELECT.
struct ObjectSelect {
  bool version = false;  // kVersionColumns
  bool data = false;     // then `data`
};

// Steps `statement`; nullopt: it is at its end. DATA_LOSS: the row cannot be.
absl::StatusOr<std::optional<core::Object>> NextObject(Statement& statement, ObjectSelect select);
// Steps it once, and resets it.
absl::StatusOr<std::optional<core::Object>> TakeObject(Statement& statement, ObjectSelect select);
// Steps it to its end.
absl::StatusOr<std::vector<core::Object>> TakeObjects(Statement& statement, ObjectSelect select);

// Whether the object's id was wished by its maker and is not that of its number.
bool HasWishedId(const core::Object& object);

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_OBJECT_ROW_H_
