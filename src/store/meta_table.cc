#include "store/meta_table.h"

#include "absl/strings/str_cat.h"

namespace grpc_os::store {

absl::StatusOr<StoreMeta> ReadMeta(Connection& connection, const char* for_update) {
  auto statement = connection.Prepare(absl::StrCat(
      "SELECT revision, compact_revision, boot_id FROM store_meta WHERE id = 1", for_update));
  if (!statement.ok()) return statement.status();
  const auto row = (*statement)->Step();
  if (!row.ok()) return row.status();
  if (!*row) {
    return absl::DataLossError(
        "the database is damaged: the row of store_meta is missing; restore a backup");
  }
  StoreMeta meta;
  meta.revision = (*statement)->Int(0);
  meta.compact_revision = (*statement)->Int(1);
  meta.boot_id = (*statement)->Text(2);
  (*statement)->Reset();
  return meta;
}

absl::Status WriteRevision(Connection& connection, int64_t revision) {
  auto statement = connection.Prepare("UPDATE store_meta SET revision = ? WHERE id = 1");
  if (!statement.ok()) return statement.status();
  (*statement)->BindInt(0, revision);
  return (*statement)->Step().status();
}

absl::Status WriteCompactRevision(Connection& connection, int64_t revision) {
  auto statement = connection.Prepare("UPDATE store_meta SET compact_revision = ? WHERE id = 1");
  if (!statement.ok()) return statement.status();
  (*statement)->BindInt(0, revision);
  return (*statement)->Step().status();
}

absl::Status WriteBootId(Connection& connection, const std::string& boot_id) {
  auto statement = connection.Prepare("UPDATE store_meta SET boot_id = ? WHERE id = 1");
  if (!statement.ok()) return statement.status();
  (*statement)->BindText(0, boot_id);
  return (*statement)->Step().status();
}

}  // namespace grpc_os::store
