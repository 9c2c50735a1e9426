#include "store/audit_table.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "store/row.h"

namespace grpc_os::store {
namespace {

// Of one user: its index. Of all: the newest records are the last rows, so that a page is found by
// walking back from the end, but where fewer than a page were made since a time that walk would end
// at the first row of the table; then the index by time finds them. (`+` keeps an index away.)
constexpr const char* kOfUser = "user_name = ? AND time_ms >= ? AND id < ? ORDER BY id DESC";
constexpr const char* kFromTheEnd = "+time_ms >= ? AND id < ? ORDER BY id DESC";
constexpr const char* kByTime = "time_ms >= ? AND +id < ? ORDER BY +id DESC";

absl::StatusOr<bool> AreFewSince(Connection& connection, const core::AuditQuery& query) {
  constexpr int64_t kFew = 10'000;  // quickly sorted
  auto statement = connection.Prepare(
      "SELECT time_ms FROM audit_records WHERE time_ms >= ? ORDER BY time_ms LIMIT 1 OFFSET ?");
  if (!statement.ok()) return statement.status();
  RowBinder(**statement).Int(query.since_ms).Int(kFew);
  const auto row = (*statement)->Step();
  (*statement)->Reset();
  if (!row.ok()) return row.status();
  return !*row;
}

core::AuditRecord ReadRecord(const Statement& statement) {
  RowReader row(statement);
  core::AuditRecord record;
  record.id = row.Int64();
  record.time_ms = row.Int64();
  record.user = row.Text();
  record.session_id = row.Text();
  record.source = row.Text();
  record.method = row.Text();
  record.resource = row.Text();
  record.result = row.Text();
  record.reason = row.Text();
  record.call_id = row.Text();
  record.count = row.Int64();
  return record;
}

}  // namespace

absl::Status InsertAudit(Connection& connection, const core::AuditRecord& record) {
  auto statement = connection.Prepare(
      "INSERT INTO audit_records (id, time_ms, user_name, session_id, source, method, resource, "
      "result, reason, call_id, occurrences) "
      "SELECT COALESCE(MAX(id), 0) + 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM audit_records");
  if (!statement.ok()) return statement.status();
  RowBinder row(**statement);
  row.Int(record.time_ms).Text(record.user).Text(record.session_id).Text(record.source);
  row.Text(record.method).Text(record.resource).Text(record.result).Text(record.reason);
  row.Text(record.call_id).Int(record.count);
  return (*statement)->Step().status();
}

absl::StatusOr<std::vector<core::AuditRecord>> SelectAudit(Connection& connection,
                                                           const core::AuditQuery& query) {
  const char* where = query.user.empty() ? kFromTheEnd : kOfUser;
  if (query.user.empty() && query.since_ms > 0) {
    const auto few = AreFewSince(connection, query);
    if (!few.ok()) return few.status();
    if (*few) where = kByTime;
  }
  auto statement = connection.Prepare(absl::StrCat(
      "SELECT id, time_ms, user_name, session_id, source, method, resource, result, reason, "
      "call_id, occurrences FROM audit_records WHERE ",
      where, " LIMIT ?"));
  if (!statement.ok()) return statement.status();
  RowBinder parameters(**statement);
  if (!query.user.empty()) parameters.Text(query.user);
  parameters.Int(query.since_ms).Int(query.before_id).Int(std::max(query.limit, 1));
  std::vector<core::AuditRecord> records;
  for (;;) {
    const auto more = (*statement)->Step();
    if (!more.ok()) return more.status();
    if (!*more) return records;
    records.push_back(ReadRecord(**statement));
  }
}

}  // namespace grpc_os::store
