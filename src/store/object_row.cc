#include "store/object_row.h"

#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "core/object/object_name.h"
#include "store/pairs.h"
#include "store/row.h"

namespace grpc_os::store {
namespace {

absl::StatusOr<core::Object> ReadObject(const Statement& statement, ObjectSelect select) {
  RowReader row(statement);
  core::Object object;
  object.number = row.Int64();
  const bool wished = !row.IsNull();
  object.id = row.Text();
  if (!wished) object.id = core::ObjectIdOf(object.number);
  object.name = row.Text();
  object.folder = row.Bool();
  object.generation = row.Int64();
  object.metageneration = row.Int64();
  object.create_revision = row.Int64();
  object.revision = row.Int64();
  object.size_bytes = row.Int64();
  object.sha256 = row.Text();
  object.crc32c = static_cast<uint32_t>(row.Int64());
  object.content_type = row.Text();
  auto metadata = DecodePairs(row.Text());
  if (!metadata.ok()) {
    return absl::DataLossError(absl::StrCat(
        "the stored object ", object.id, " is damaged: its metadata: ", metadata.status().message(),
        "; restore a backup"));
  }
  object.metadata = *std::move(metadata);
  object.owner = row.Text();
  object.create_time_ms = row.Int64();
  object.update_time_ms = row.Int64();
  object.expire_time_ms = row.Int64();
  object.blob = row.Bool();
  if (select.version) {
    object.retire_time_ms = row.Int64();
    object.deleted = row.Bool();
  }
  if (select.data) object.data = row.Text();
  return object;
}

}  // namespace

absl::StatusOr<std::optional<core::Object>> NextObject(Statement& statement, ObjectSelect select) {
  const auto row = statement.Step();
  if (!row.ok()) return row.status();
  if (!*row) return std::optional<core::Object>();
  auto object = ReadObject(statement, select);
  if (object.ok()) return std::optional<core::Object>(*std::move(object));
  statement.Reset();
  return object.status();
}

absl::StatusOr<std::optional<core::Object>> TakeObject(Statement& statement, ObjectSelect select) {
  auto object = NextObject(statement, select);
  statement.Reset();
  return object;
}

absl::StatusOr<std::vector<core::Object>> TakeObjects(Statement& statement, ObjectSelect select) {
  std::vector<core::Object> objects;
  for (;;) {
    auto object = NextObject(statement, select);
    if (!object.ok()) return object.status();
    if (!object->has_value()) return objects;
    objects.push_back(**std::move(object));
  }
}

bool HasWishedId(const core::Object& object) {
  return !object.id.empty() && object.id != core::ObjectIdOf(object.number);
}

}  // namespace grpc_os::store
