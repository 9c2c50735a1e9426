#include "store/blob_table.h"

#include "absl/strings/str_cat.h"
#include "store/row.h"

namespace grpc_os::store {
namespace {

constexpr const char* kColumns = "sha256, size_bytes, refs, COALESCE(zero_time_ms, 0)";

absl::StatusOr<std::vector<core::BlobEntry>> TakeEntries(Statement& statement) {
  std::vector<core::BlobEntry> entries;
  for (;;) {
    const auto more = statement.Step();
    if (!more.ok()) return more.status();
    if (!*more) return entries;
    RowReader row(statement);
    core::BlobEntry& entry = entries.emplace_back();
    entry.sha256 = row.Text();
    entry.size_bytes = row.Int64();
    entry.refs = row.Int64();
    entry.unused_since_ms = row.Int64();
  }
}

absl::StatusOr<bool> IsKnown(Connection& connection, const std::string& sha256) {
  auto statement = connection.Prepare("SELECT 1 FROM blobs WHERE sha256 = ?");
  if (!statement.ok()) return statement.status();
  (*statement)->BindBlob(0, sha256);
  auto row = (*statement)->Step();
  (*statement)->Reset();
  return row;
}

}  // namespace

absl::Status AddBlobRef(Connection& connection, const std::string& sha256, int64_t size_bytes) {
  const auto known = IsKnown(connection, sha256);
  if (!known.ok()) return known.status();
  auto statement =
      *known ? connection.Prepare(
                   "UPDATE blobs SET size_bytes = ?, refs = refs + 1, zero_time_ms = NULL "
                   "WHERE sha256 = ?")
             : connection.Prepare(
                   "INSERT INTO blobs (size_bytes, refs, zero_time_ms, sha256) "
                   "VALUES (?, 1, NULL, ?)");
  if (!statement.ok()) return statement.status();
  RowBinder(**statement).Int(size_bytes).Blob(sha256);
  return (*statement)->Step().status();
}

// The time first: one engine sets columns from left to right, the other all at once.
absl::Status DropBlobRef(Connection& connection, const std::string& sha256, int64_t now_ms) {
  auto statement = connection.Prepare(
      "UPDATE blobs SET zero_time_ms = CASE WHEN refs <= 1 THEN ? ELSE NULL END, refs = refs - 1 "
      "WHERE sha256 = ?");
  if (!statement.ok()) return statement.status();
  RowBinder(**statement).Int(now_ms).Blob(sha256);
  return (*statement)->Step().status();
}

absl::StatusOr<std::vector<core::BlobEntry>> SelectUnusedBlobs(Connection& connection,
                                                               int64_t unused_since_ms, int limit) {
  static const auto& sql =
      *new std::string(absl::StrCat("SELECT ", kColumns,
                                    " FROM blobs WHERE zero_time_ms <= ? AND refs <= 0 "
                                    "ORDER BY zero_time_ms LIMIT ?"));
  auto statement = connection.Prepare(sql);
  if (!statement.ok()) return statement.status();
  RowBinder(**statement).Int(unused_since_ms).Int(limit);
  return TakeEntries(**statement);
}

absl::StatusOr<std::vector<core::BlobEntry>> SelectBlobs(Connection& connection,
                                                         const std::string& after, int limit) {
  static const auto& sql = *new std::string(
      absl::StrCat("SELECT ", kColumns, " FROM blobs WHERE sha256 > ? ORDER BY sha256 LIMIT ?"));
  auto statement = connection.Prepare(sql);
  if (!statement.ok()) return statement.status();
  RowBinder(**statement).Blob(after).Int(limit);
  return TakeEntries(**statement);
}

absl::StatusOr<core::BlobUsage> SumUnusedBlobs(Connection& connection) {
  auto statement = connection.Prepare(
      "SELECT COUNT(*), COALESCE(SUM(size_bytes), 0) FROM blobs "
      "WHERE zero_time_ms >= 0 AND refs <= 0");
  if (!statement.ok()) return statement.status();
  const auto row = (*statement)->Step();
  if (!row.ok()) return row.status();
  core::BlobUsage usage;
  if (*row) usage = {.contents = (*statement)->Int(0), .bytes = (*statement)->Int(1)};
  (*statement)->Reset();
  return usage;
}

absl::StatusOr<bool> RemoveUnusedBlob(Connection& connection, const std::string& sha256,
                                      int64_t unused_since_ms) {
  constexpr const char* kWhich = "sha256 = ? AND refs <= 0 AND zero_time_ms <= ?";
  static const auto& select = *new std::string(absl::StrCat("SELECT 1 FROM blobs WHERE ", kWhich));
  static const auto& remove = *new std::string(absl::StrCat("DELETE FROM blobs WHERE ", kWhich));
  for (const std::string* sql : {&select, &remove}) {
    auto statement = connection.Prepare(*sql);
    if (!statement.ok()) return statement.status();
    RowBinder(**statement).Blob(sha256).Int(unused_since_ms);
    const auto found = (*statement)->Step();
    if (!found.ok()) return found.status();
    (*statement)->Reset();
    if (sql == &select && !*found) return false;
  }
  return true;
}

}  // namespace grpc_os::store
