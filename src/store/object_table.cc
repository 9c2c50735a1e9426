#include "store/object_table.h"

#include <algorithm>
#include <string_view>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/object/object_name.h"
#include "store/blob_table.h"
#include "store/name_range.h"
#include "store/object_row.h"
#include "store/pairs.h"
#include "store/row.h"

namespace grpc_os::store {
namespace {

// Whether the statement of `sql`, with `bind` applied, finds a row.
template <typename Bind>
absl::StatusOr<bool> Any(Connection& connection, std::string_view sql, const Bind& bind) {
  auto statement = connection.Prepare(sql);
  if (!statement.ok()) return statement.status();
  RowBinder row(**statement);
  bind(row);
  auto found = (*statement)->Step();
  (*statement)->Reset();
  return found;
}

template <typename Bind>
absl::Status Run(Connection& connection, std::string_view sql, const Bind& bind) {
  auto statement = connection.Prepare(sql);
  if (!statement.ok()) return statement.status();
  RowBinder row(**statement);
  bind(row);
  return (*statement)->Step().status();
}

// The one text that `sql` finds for its parameter; empty: no row.
absl::StatusOr<std::string> FindText(Connection& connection, const char* sql,
                                     const std::string& parameter) {
  auto statement = connection.Prepare(sql);
  if (!statement.ok()) return statement.status();
  (*statement)->BindText(0, parameter);
  const auto found = (*statement)->Step();
  if (!found.ok()) return found.status();
  std::string text = *found ? (*statement)->Text(0) : "";
  (*statement)->Reset();
  return text;
}

enum class By { kName, kWishedId, kNumber };

std::string SelectOne(By by, bool data) {
  constexpr const char* kBy[] = {
      "name = ?",
      "number IN (SELECT number FROM object_ids WHERE id = ?)",
      "number = ? AND id IS NULL",
  };
  return absl::StrCat("SELECT ", kObjectColumns, data ? ", data" : "", " FROM objects WHERE ",
                      kBy[static_cast<int>(by)]);
}
const std::string& SelectOneSql(By by, bool data) {
  static const auto& sql =
      *new std::vector<std::string>{SelectOne(By::kName, false),     SelectOne(By::kName, true),
                                    SelectOne(By::kWishedId, false), SelectOne(By::kWishedId, true),
                                    SelectOne(By::kNumber, false),   SelectOne(By::kNumber, true)};
  return sql[static_cast<size_t>(by) * 2 + (data ? 1 : 0)];
}

absl::StatusOr<bool> IdIsTaken(Connection& connection, const std::string& id) {
  return Any(connection,
             "SELECT 1 FROM object_ids INNER JOIN objects ON objects.number = object_ids.number "
             "WHERE object_ids.id = ?",
             [&](RowBinder& row) { row.Text(id); });
}

// It may be there already, for a version of the object.
absl::Status PutWishedId(Connection& connection, const core::Object& object) {
  const auto bind = [&](RowBinder& row) { row.Text(object.id).Int(object.number); };
  const auto known = Any(connection, "SELECT 1 FROM object_ids WHERE id = ? AND number = ?", bind);
  if (!known.ok()) return known.status();
  if (*known) return absl::OkStatus();
  return Run(connection, "INSERT INTO object_ids (id, number) VALUES (?, ?)", bind);
}

absl::Status PutExpiry(Connection& connection, int64_t expire_time_ms, int64_t number) {
  return Run(connection, "INSERT INTO object_expiries (expire_time_ms, number) VALUES (?, ?)",
             [&](RowBinder& row) { row.Int(expire_time_ms).Int(number); });
}
absl::Status DropExpiry(Connection& connection, int64_t expire_time_ms, int64_t number) {
  return Run(connection, "DELETE FROM object_expiries WHERE expire_time_ms = ? AND number = ?",
             [&](RowBinder& row) { row.Int(expire_time_ms).Int(number); });
}

// What other tables and indexes know of a row.
struct Ties {
  std::string id = {};  // if it was wished
  std::string name = {};
  std::string sha256 = {};
  int64_t expire_time_ms = 0;
  bool blob = false;
};
absl::StatusOr<Ties> SelectTies(Connection& connection, int64_t number) {
  auto statement = connection.Prepare(
      "SELECT COALESCE(id, ''), name, sha256, expire_time_ms, blob FROM objects WHERE number = ?");
  if (!statement.ok()) return statement.status();
  (*statement)->BindInt(0, number);
  const auto found = (*statement)->Step();
  if (!found.ok()) return found.status();
  if (!*found) {
    return absl::NotFoundError(absl::StrCat("there is no live object with the number ", number));
  }
  RowReader row(**statement);
  Ties ties;
  ties.id = row.Text();
  ties.name = row.Text();
  ties.sha256 = row.Text();
  ties.expire_time_ms = row.Int64();
  ties.blob = row.Bool();
  (*statement)->Reset();
  return ties;
}

absl::Status UpdateExpiry(Connection& connection, const Ties& old, const core::Object& object) {
  if (old.expire_time_ms == object.expire_time_ms) return absl::OkStatus();
  if (old.expire_time_ms != 0) {
    if (auto status = DropExpiry(connection, old.expire_time_ms, object.number); !status.ok()) {
      return status;
    }
  }
  if (object.expire_time_ms == 0) return absl::OkStatus();
  return PutExpiry(connection, object.expire_time_ms, object.number);
}

// The new one first, so that a content which stays is never without anybody who has it.
absl::Status UpdateBlob(Connection& connection, const Ties& old, const core::Object& object,
                        int64_t now_ms) {
  if (object.blob) {
    if (auto status = AddBlobRef(connection, object.sha256, object.size_bytes); !status.ok()) {
      return status;
    }
  }
  return old.blob ? DropBlobRef(connection, old.sha256, now_ms) : absl::OkStatus();
}

std::string_view DataOf(const core::Object& object) {
  return object.blob ? std::string_view() : object.data;
}

absl::Status UpdateRow(Connection& connection, const core::Object& object,
                       core::ObjectRows::Content content) {
  constexpr const char* kMeta =
      "UPDATE objects SET folder = ?, generation = ?, metageneration = ?, create_revision = ?, "
      "revision = ?, content_type = ?, metadata = ?, owner = ?, create_time_ms = ?, "
      "update_time_ms = ?, expire_time_ms = ?";
  constexpr const char* kWhich = " WHERE number = ?";
  static const auto& meta_only = *new std::string(absl::StrCat(kMeta, kWhich));
  static const auto& all = *new std::string(
      absl::StrCat(kMeta, ", size_bytes = ?, sha256 = ?, crc32c = ?, blob = ?, data = ?", kWhich));
  const bool replaced = content == core::ObjectRows::Content::kReplaced;
  const std::string metadata = EncodePairs(object.metadata);
  return Run(connection, replaced ? all : meta_only, [&](RowBinder& row) {
    row.Int(object.folder).Int(object.generation).Int(object.metageneration);
    row.Int(object.create_revision).Int(object.revision).Text(object.content_type);
    row.Blob(metadata).Text(object.owner).Int(object.create_time_ms).Int(object.update_time_ms);
    row.Int(object.expire_time_ms);
    if (replaced) {
      row.Int(object.size_bytes).Blob(object.sha256).Int(object.crc32c).Int(object.blob);
      row.Blob(DataOf(object));
    }
    row.Int(object.number);
  });
}

}  // namespace

absl::StatusOr<std::optional<core::Object>> SelectObject(Connection& connection,
                                                         const std::string& name_or_id,
                                                         WithData with_data) {
  const bool data = with_data == WithData::kYes;
  const ObjectSelect select{.version = false, .data = data};
  if (!core::IsObjectId(name_or_id)) {
    auto statement = connection.Prepare(SelectOneSql(By::kName, data));
    if (!statement.ok()) return statement.status();
    (*statement)->BindText(0, name_or_id);
    return TakeObject(**statement, select);
  }
  const std::optional<int64_t> number = core::NumberOfObjectId(name_or_id);
  auto statement =
      connection.Prepare(SelectOneSql(number.has_value() ? By::kNumber : By::kWishedId, data));
  if (!statement.ok()) return statement.status();
  RowBinder row(**statement);
  if (number.has_value()) {
    row.Int(*number);
  } else {
    row.Text(name_or_id);
  }
  return TakeObject(**statement, select);
}

absl::StatusOr<bool> ObjectExists(Connection& connection, const std::string& name) {
  return Any(connection, "SELECT 1 FROM objects WHERE name = ?",
             [&](RowBinder& row) { row.Text(name); });
}

absl::StatusOr<std::string> SelectNameFrom(Connection& connection, const std::string& name) {
  return FindText(connection, "SELECT name FROM objects WHERE name >= ? ORDER BY name LIMIT 1",
                  name);
}

absl::StatusOr<std::string> SelectNameBefore(Connection& connection, const std::string& name) {
  return FindText(connection, "SELECT name FROM objects WHERE name < ? ORDER BY name DESC LIMIT 1",
                  name);
}

absl::StatusOr<bool> AnyObjectBelow(Connection& connection, const std::string& folder) {
  const std::string end = EndOfNames(folder);
  return Any(connection, "SELECT 1 FROM objects WHERE name > ? AND name < ? LIMIT 1",
             [&](RowBinder& row) { row.Text(folder).Text(end); });
}

absl::StatusOr<std::string> SelectObjectData(Connection& connection, int64_t number) {
  auto statement = connection.Prepare("SELECT data FROM objects WHERE number = ?");
  if (!statement.ok()) return statement.status();
  (*statement)->BindInt(0, number);
  const auto found = (*statement)->Step();
  if (!found.ok()) return found.status();
  std::string data = *found ? (*statement)->Text(0) : "";
  (*statement)->Reset();
  return data;
}

absl::StatusOr<std::vector<core::Object>> SelectExpired(Connection& connection, int64_t now_ms,
                                                        int limit) {
  static const auto& sql = *new std::string(
      absl::StrCat("SELECT ", kObjectColumns,
                   " FROM objects WHERE number IN (SELECT number FROM (SELECT number FROM "
                   "object_expiries WHERE expire_time_ms <= ? ORDER BY expire_time_ms, number "
                   "LIMIT ?) AS oldest) ORDER BY number"));
  auto statement = connection.Prepare(sql);
  if (!statement.ok()) return statement.status();
  RowBinder(**statement).Int(now_ms).Int(limit);
  return TakeObjects(**statement, {});
}

absl::StatusOr<bool> AnyObjectExpired(Connection& connection, int64_t now_ms) {
  return Any(connection, "SELECT 1 FROM object_expiries WHERE expire_time_ms <= ? LIMIT 1",
             [&](RowBinder& row) { row.Int(now_ms); });
}

absl::Status InsertObject(Connection& connection, const core::Object& object) {
  const bool wished = HasWishedId(object);
  if (wished) {
    const auto taken = IdIsTaken(connection, object.id);
    if (!taken.ok()) return taken.status();
    if (*taken) return absl::AlreadyExistsError(absl::StrCat("the id ", object.id, " is taken"));
  }
  static const auto& sql = *new std::string(
      absl::StrCat("INSERT INTO objects (", kObjectColumns,
                   ", data) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"));
  auto statement = connection.Prepare(sql);
  if (!statement.ok()) return statement.status();
  const std::string metadata = EncodePairs(object.metadata);
  RowBinder row(**statement);
  row.Int(object.number);
  wished ? row.Text(object.id) : row.Null();
  row.Text(object.name).Int(object.folder).Int(object.generation).Int(object.metageneration);
  row.Int(object.create_revision).Int(object.revision).Int(object.size_bytes);
  row.Blob(object.sha256).Int(object.crc32c).Text(object.content_type).Blob(metadata);
  row.Text(object.owner).Int(object.create_time_ms).Int(object.update_time_ms);
  row.Int(object.expire_time_ms).Int(object.blob).Blob(DataOf(object));
  if (auto status = (*statement)->Step().status(); !status.ok()) return status;
  if (wished) {
    if (auto status = PutWishedId(connection, object); !status.ok()) return status;
  }
  if (object.expire_time_ms != 0) {
    if (auto status = PutExpiry(connection, object.expire_time_ms, object.number); !status.ok()) {
      return status;
    }
  }
  return object.blob ? AddBlobRef(connection, object.sha256, object.size_bytes) : absl::OkStatus();
}

absl::Status UpdateObject(Connection& connection, const core::Object& object,
                          core::ObjectRows::Content content, int64_t now_ms) {
  const auto old = SelectTies(connection, object.number);
  if (!old.ok()) return old.status();
  // By itself: a row whose name stays leaves the index of names alone.
  if (old->name != object.name) {
    if (auto status = Run(connection, "UPDATE objects SET name = ? WHERE number = ?",
                          [&](RowBinder& row) { row.Text(object.name).Int(object.number); });
        !status.ok()) {
      return status;
    }
  }
  if (auto status = UpdateRow(connection, object, content); !status.ok()) return status;
  if (auto status = UpdateExpiry(connection, *old, object); !status.ok()) return status;
  if (content == core::ObjectRows::Content::kStays) return absl::OkStatus();
  return UpdateBlob(connection, *old, object, now_ms);
}

absl::Status RemoveObject(Connection& connection, int64_t number, int64_t now_ms) {
  const auto old = SelectTies(connection, number);
  if (!old.ok()) return old.status();
  if (auto status = Run(connection, "DELETE FROM objects WHERE number = ?",
                        [&](RowBinder& row) { row.Int(number); });
      !status.ok()) {
    return status;
  }
  if (old->expire_time_ms != 0) {
    if (auto status = DropExpiry(connection, old->expire_time_ms, number); !status.ok()) {
      return status;
    }
  }
  if (!old->id.empty()) {
    if (auto status = DropUnusedId(connection, old->id, number); !status.ok()) return status;
  }
  return old->blob ? DropBlobRef(connection, old->sha256, now_ms) : absl::OkStatus();
}

absl::StatusOr<int64_t> RenameObjects(Connection& connection, const Dialect& dialect,
                                      const std::string& from, const std::string& to,
                                      int64_t revision, int64_t now_ms) {
  const std::string end = EndOfNames(from);
  auto count = connection.Prepare("SELECT COUNT(*) FROM objects WHERE name >= ? AND name < ?");
  if (!count.ok()) return count.status();
  RowBinder(**count).Text(from).Text(end);
  const auto row = (*count)->Step();
  if (!row.ok()) return row.status();
  const int64_t renamed = (*count)->Int(0);
  (*count)->Reset();
  auto status = Run(connection,
                    absl::StrCat("UPDATE objects SET name = ", dialect.moved_name,
                                 ", revision = ?, update_time_ms = ? "
                                 "WHERE name >= ? AND name < ?"),
                    [&](RowBinder& binder) {
                      binder.Text(to).Int(static_cast<int64_t>(from.size()) + 1);
                      binder.Int(revision).Int(now_ms).Text(from).Text(end);
                    });
  if (!status.ok()) return status;
  return renamed;
}

absl::Status DropUnusedId(Connection& connection, const std::string& id, int64_t number) {
  return Run(connection,
             "DELETE FROM object_ids WHERE id = ? AND number = ? "
             "AND NOT EXISTS (SELECT 1 FROM objects WHERE number = ?) "
             "AND NOT EXISTS (SELECT 1 FROM object_versions WHERE number = ?)",
             [&](RowBinder& row) { row.Text(id).Int(number).Int(number).Int(number); });
}

}  // namespace grpc_os::store
