#include "store/object_version_table.h"

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "core/object/object_name.h"
#include "store/blob_table.h"
#include "store/name_range.h"
#include "store/object_row.h"
#include "store/row.h"

namespace grpc_os::store {
namespace {

// What a removal has to know.
struct VersionKey {
  int64_t number = 0;
  int64_t generation = 0;
  std::string id = {};  // if it was wished
  std::string sha256 = {};
  bool blob = false;
  std::string name = {};
  int64_t size_bytes = 0;
};
constexpr const char* kKeyColumns =
    "number, generation, COALESCE(id, ''), sha256, blob, name, size_bytes";

absl::StatusOr<std::vector<VersionKey>> TakeKeys(Statement& statement) {
  std::vector<VersionKey> keys;
  for (;;) {
    const auto more = statement.Step();
    if (!more.ok()) return more.status();
    if (!*more) return keys;
    RowReader row(statement);
    VersionKey& key = keys.emplace_back();
    key.number = row.Int64();
    key.generation = row.Int64();
    key.id = row.Text();
    key.sha256 = row.Text();
    key.blob = row.Bool();
    key.name = row.Text();
    key.size_bytes = row.Int64();
  }
}

absl::Status Remove(Connection& connection, const VersionKey& key, int64_t now_ms) {
  auto statement =
      connection.Prepare("DELETE FROM object_versions WHERE number = ? AND generation = ?");
  if (!statement.ok()) return statement.status();
  RowBinder(**statement).Int(key.number).Int(key.generation);
  if (auto status = (*statement)->Step().status(); !status.ok()) return status;
  if (!key.id.empty()) {
    if (auto status = DropUnusedId(connection, key.id, key.number); !status.ok()) return status;
  }
  return key.blob ? DropBlobRef(connection, key.sha256, now_ms) : absl::OkStatus();
}

// Those that `which` finds with what `bind` binds; how many.
template <typename Bind>
absl::StatusOr<int64_t> RemoveWhere(Connection& connection, QuotaBook& quotas, const char* which,
                                    const Bind& bind, int64_t now_ms) {
  auto statement =
      connection.Prepare(absl::StrCat("SELECT ", kKeyColumns, " FROM object_versions ", which));
  if (!statement.ok()) return statement.status();
  RowBinder row(**statement);
  bind(row);
  const auto keys = TakeKeys(**statement);
  if (!keys.ok()) return keys.status();
  std::vector<core::QuotaDelta> gone;
  for (const VersionKey& key : *keys) {
    if (auto status = Remove(connection, key, now_ms); !status.ok()) return status;
    gone.push_back({.name = key.name, .objects = -1, .bytes = -key.size_bytes});
  }
  if (auto status = quotas.CountVersions(connection, gone); !status.ok()) return status;
  return static_cast<int64_t>(keys->size());
}

absl::Status RemoveBeyondCap(Connection& connection, QuotaBook& quotas, const core::Object& live,
                             int64_t now_ms) {
  constexpr int kAtOnce = 1000;  // one, unless the cap was higher
  const auto by_number = RemoveWhere(
      connection, quotas, "WHERE number = ? ORDER BY generation DESC LIMIT ? OFFSET ?",
      [&](RowBinder& row) { row.Int(live.number).Int(kAtOnce).Int(limits::kVersionsPerObject); },
      now_ms);
  if (!by_number.ok()) return by_number.status();
  return RemoveWhere(
             connection, quotas, "WHERE name = ? ORDER BY generation DESC LIMIT ? OFFSET ?",
             [&](RowBinder& row) {
               row.Text(live.name).Int(kAtOnce).Int(limits::kVersionsPerObject);
             },
             now_ms)
      .status();
}

// Which rows are of a name or id: it is the first `times` parameters of the statement, or `number`
// is. Of a name: what was replaced or deleted under it, and what its live object was before it came
// there.
struct Reference {
  const char* which;
  std::optional<int64_t> number = {};
  int times = 1;
};
Reference ReferenceOf(const std::string& name_or_id) {
  if (!core::IsObjectId(name_or_id)) {
    return {.which = "(name = ? OR number = (SELECT number FROM objects WHERE name = ?))",
            .times = 2};
  }
  const std::optional<int64_t> number = core::NumberOfObjectId(name_or_id);
  if (number.has_value()) return {"number = ? AND id IS NULL", number};
  return {"number IN (SELECT number FROM object_ids WHERE id = ?)"};
}
void Bind(RowBinder& row, const Reference& reference, const std::string& name_or_id) {
  if (reference.number.has_value()) {
    row.Int(*reference.number);
  } else {
    for (int i = 0; i < reference.times; ++i) row.Text(name_or_id);
  }
}

constexpr const char* kCoreKeys =
    "SELECT number, generation, COALESCE(id, ''), name, deleted FROM object_versions WHERE ";

absl::StatusOr<std::vector<core::VersionKey>> TakeCoreKeys(Statement& statement) {
  std::vector<core::VersionKey> keys;
  for (;;) {
    const auto more = statement.Step();
    if (!more.ok()) return more.status();
    if (!*more) return keys;
    RowReader row(statement);
    core::VersionKey& key = keys.emplace_back();
    key.number = row.Int64();
    key.generation = row.Int64();
    key.id = row.Text();
    key.name = row.Text();
    key.deleted = row.Bool();
    if (key.id.empty()) key.id = core::ObjectIdOf(key.number);
  }
}

}  // namespace

absl::StatusOr<std::optional<core::Object>> SelectVersion(Connection& connection,
                                                          const std::string& name_or_id,
                                                          int64_t generation, WithData with_data) {
  const bool data = with_data == WithData::kYes;
  const Reference reference = ReferenceOf(name_or_id);
  auto statement = connection.Prepare(
      absl::StrCat("SELECT ", kObjectColumns, kVersionColumns, data ? ", data" : "",
                   " FROM object_versions WHERE ", reference.which,
                   generation == 0 ? " AND deleted = 1" : " AND generation = ?",
                   " ORDER BY retire_time_ms DESC, generation DESC LIMIT 1"));
  if (!statement.ok()) return statement.status();
  RowBinder row(**statement);
  Bind(row, reference, name_or_id);
  if (generation != 0) row.Int(generation);
  return TakeObject(**statement, {.version = true, .data = data});
}

absl::StatusOr<std::vector<core::VersionKey>> SelectVersionKeys(Connection& connection,
                                                                const std::string& name_or_id) {
  const Reference reference = ReferenceOf(name_or_id);
  auto statement = connection.Prepare(
      absl::StrCat(kCoreKeys, reference.which, " ORDER BY retire_time_ms DESC, generation DESC"));
  if (!statement.ok()) return statement.status();
  RowBinder row(**statement);
  Bind(row, reference, name_or_id);
  return TakeCoreKeys(**statement);
}

absl::StatusOr<std::vector<core::VersionKey>> SelectVersionKeysBelow(Connection& connection,
                                                                     const std::string& prefix,
                                                                     int limit) {
  auto statement = connection.Prepare(
      absl::StrCat(kCoreKeys, "name >= ? AND name < ? ORDER BY name, generation LIMIT ?"));
  if (!statement.ok()) return statement.status();
  const std::string end = EndOfNames(prefix);
  RowBinder(**statement).Text(prefix).Text(end).Int(limit);
  return TakeCoreKeys(**statement);
}

absl::StatusOr<std::vector<core::Object>> SelectVersions(Connection& connection,
                                                         const std::string& name_or_id,
                                                         const core::VersionPlace& before,
                                                         int limit) {
  const Reference reference = ReferenceOf(name_or_id);
  auto statement = connection.Prepare(absl::StrCat(
      "SELECT ", kObjectColumns, kVersionColumns, " FROM object_versions WHERE ", reference.which,
      " AND generation <= ? AND (generation < ? OR number < ?)"
      " ORDER BY generation DESC, number DESC LIMIT ?"));
  if (!statement.ok()) return statement.status();
  RowBinder row(**statement);
  Bind(row, reference, name_or_id);
  row.Int(before.generation).Int(before.generation).Int(before.number).Int(limit);
  return TakeObjects(**statement, {.version = true, .data = false});
}

absl::StatusOr<std::string> SelectVersionData(Connection& connection, int64_t number,
                                              int64_t generation) {
  auto statement =
      connection.Prepare("SELECT data FROM object_versions WHERE number = ? AND generation = ?");
  if (!statement.ok()) return statement.status();
  RowBinder(**statement).Int(number).Int(generation);
  const auto found = (*statement)->Step();
  if (!found.ok()) return found.status();
  std::string data = *found ? (*statement)->Text(0) : "";
  (*statement)->Reset();
  return data;
}

absl::StatusOr<std::pair<core::ObjectUsage, std::string>> MeasureVersions(Connection& connection,
                                                                          const std::string& prefix,
                                                                          const std::string& after,
                                                                          int limit) {
  const NameCursor from = CursorAfter(prefix, after);
  const std::string end = EndOfNames(prefix);
  auto statement =
      connection.Prepare(absl::StrCat("SELECT name, size_bytes FROM object_versions WHERE name ",
                                      from.comparison(), " ? AND name < ? ORDER BY name"));
  if (!statement.ok()) return statement.status();
  RowBinder(**statement).Text(from.name).Text(end);
  core::ObjectUsage usage;
  std::string last;
  for (;;) {
    const auto more = (*statement)->Step();
    if (!more.ok()) return more.status();
    if (!*more) return std::make_pair(usage, std::string());
    std::string name = (*statement)->Text(0);
    if (usage.versions >= limit && name != last) break;
    ++usage.versions;
    usage.version_bytes += (*statement)->Int(1);
    last = std::move(name);
  }
  (*statement)->Reset();
  return std::make_pair(usage, last);
}

absl::Status InsertVersion(Connection& connection, QuotaBook& quotas, const core::Object& live,
                           int64_t now_ms, bool deleted) {
  static const auto& sql = *new std::string(absl::StrCat(
      "INSERT INTO object_versions (", kObjectColumns, kVersionColumns, ", data) SELECT ",
      kObjectColumns, ", ?, ?, data FROM objects WHERE number = ?"));
  auto statement = connection.Prepare(sql);
  if (!statement.ok()) return statement.status();
  RowBinder(**statement).Int(now_ms).Int(deleted).Int(live.number);
  if (auto status = (*statement)->Step().status(); !status.ok()) return status;
  if (live.blob) {
    if (auto status = AddBlobRef(connection, live.sha256, live.size_bytes); !status.ok()) {
      return status;
    }
  }
  const core::QuotaDelta come = {.name = live.name, .objects = 1, .bytes = live.size_bytes};
  if (auto status = quotas.CountVersions(connection, {come}); !status.ok()) return status;
  return RemoveBeyondCap(connection, quotas, live, now_ms);
}

absl::Status RemoveVersionsOf(Connection& connection, QuotaBook& quotas, int64_t number,
                              int64_t now_ms) {
  return RemoveWhere(
             connection, quotas, "WHERE number = ?", [&](RowBinder& row) { row.Int(number); },
             now_ms)
      .status();
}

absl::Status RemoveVersion(Connection& connection, QuotaBook& quotas, int64_t number,
                           int64_t generation, int64_t now_ms) {
  return RemoveWhere(
             connection, quotas, "WHERE number = ? AND generation = ?",
             [&](RowBinder& row) { row.Int(number).Int(generation); }, now_ms)
      .status();
}

absl::StatusOr<int64_t> RemoveOldVersions(Connection& connection, QuotaBook& quotas,
                                          int64_t retired_ms, int64_t limit, int64_t now_ms) {
  return RemoveWhere(
      connection, quotas, "WHERE retire_time_ms <= ? ORDER BY retire_time_ms LIMIT ?",
      [&](RowBinder& row) { row.Int(retired_ms).Int(limit); }, now_ms);
}

}  // namespace grpc_os::store
