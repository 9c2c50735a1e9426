#include "store/audit_table.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "store/row.h"

namespace grpc_os::store {
namespace {

// Records looked at for one page, so that a rare user's page does not keep the other readers
// waiting.
constexpr int64_t kLookedAt = 20'000;
// A call's record carries the time at which it began, so those of one moment lie a little apart.
constexpr int64_t kOutOfOrderMs = 3'600'000;

absl::StatusOr<int64_t> NewestId(Connection& connection) {
  auto statement = connection.Prepare("SELECT COALESCE(MAX(id), 0) FROM audit_records");
  if (!statement.ok()) return statement.status();
  const auto row = (*statement)->Step();
  if (!row.ok()) return row.status();
  const int64_t newest = (*statement)->Int(0);
  (*statement)->Reset();
  return newest;
}

// Whether a record from `low` up to before `high` is not older than `time_ms`.
absl::StatusOr<bool> AnySince(Connection& connection, int64_t low, int64_t high, int64_t time_ms) {
  auto statement = connection.Prepare(
      "SELECT id FROM audit_records WHERE id >= ? AND id < ? AND time_ms >= ? LIMIT 1");
  if (!statement.ok()) return statement.status();
  RowBinder(**statement).Int(low).Int(high).Int(time_ms);
  auto row = (*statement)->Step();
  (*statement)->Reset();
  return row;
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
  // Not by INSERT … SELECT from the table itself, for which SQLite makes a temporary one each time.
  const auto newest = NewestId(connection);
  if (!newest.ok()) return newest.status();
  auto statement = connection.Prepare(
      "INSERT INTO audit_records (id, time_ms, user_name, session_id, source, method, resource, "
      "result, reason, call_id, occurrences) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  if (!statement.ok()) return statement.status();
  RowBinder row(**statement);
  row.Int(*newest + 1)
      .Int(record.time_ms)
      .Text(record.user)
      .Text(record.session_id)
      .Text(record.source);
  row.Text(record.method).Text(record.resource).Text(record.result).Text(record.reason);
  row.Text(record.call_id).Int(record.count);
  return (*statement)->Step().status();
}

absl::StatusOr<core::AuditPage> SelectAudit(Connection& connection, const core::AuditQuery& query) {
  const auto newest = NewestId(connection);
  if (!newest.ok()) return newest.status();
  const int64_t high = std::min(query.before_id, *newest + 1);
  const int64_t low = std::max<int64_t>(high - kLookedAt, 1);
  const int limit = std::max(query.limit, 1);
  auto statement = connection.Prepare(
      "SELECT id, time_ms, user_name, session_id, source, method, resource, result, reason, "
      "call_id, occurrences FROM audit_records "
      "WHERE id >= ? AND id < ? AND time_ms >= ? AND (? = '' OR user_name = ?) "
      "ORDER BY id DESC LIMIT ?");
  if (!statement.ok()) return statement.status();
  RowBinder(**statement)
      .Int(low)
      .Int(high)
      .Int(query.since_ms)
      .Text(query.user)
      .Text(query.user)
      .Int(limit);
  core::AuditPage page;
  for (;;) {
    const auto more = (*statement)->Step();
    if (!more.ok()) return more.status();
    if (!*more) break;
    page.records.push_back(ReadRecord(**statement));
  }
  if (page.records.size() == static_cast<size_t>(limit)) {
    page.next_before_id = page.records.back().id;
  } else if (low > 1) {
    const auto later = page.records.empty()
                           ? AnySince(connection, low, high, query.since_ms - kOutOfOrderMs)
                           : absl::StatusOr<bool>(true);
    if (!later.ok()) return later.status();
    if (*later) page.next_before_id = low;
  }
  return page;
}

}  // namespace grpc_os::store
