#include "store/audit_table.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "store/row.h"

namespace grpc_os::store {
namespace {

// Records looked at for one page, so that a rare user's page does not keep the other readers
// waiting.
constexpr int64_t kLookedAt = 20'000;
// A call's record carries the time at which it began, so those of one moment lie a little apart.
constexpr int64_t kOutOfOrderMs = 3'600'000;

// How many records of the part there have been: the number of its newest. Record `n` of the changes
// has the id n, of the refusals -n.
absl::StatusOr<int64_t> Newest(Connection& connection, AuditPart part) {
  auto statement = connection.Prepare(part == AuditPart::kChanges
                                          ? "SELECT COALESCE(MAX(id), 0) FROM audit_records"
                                          : "SELECT -COALESCE(MIN(id), 0) FROM audit_records");
  if (!statement.ok()) return statement.status();
  const auto row = (*statement)->Step();
  if (!row.ok()) return row.status();
  const int64_t newest = (*statement)->Int(0);
  (*statement)->Reset();
  return std::max<int64_t>(newest, 0);
}

// The ids of the records with the numbers from `low` up to before `high`.
struct Ids {
  int64_t first;
  int64_t last;
};
Ids IdsOf(AuditPart part, int64_t low, int64_t high) {
  return part == AuditPart::kChanges ? Ids{low, high - 1} : Ids{1 - high, -low};
}

// Whether one of them is not older than `time_ms`.
absl::StatusOr<bool> AnySince(Connection& connection, const Ids& ids, int64_t time_ms) {
  auto statement = connection.Prepare(
      "SELECT id FROM audit_records WHERE id >= ? AND id <= ? AND time_ms >= ? LIMIT 1");
  if (!statement.ok()) return statement.status();
  RowBinder(**statement).Int(ids.first).Int(ids.last).Int(time_ms);
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

// What one part has for a page, the newest first.
struct Batch {
  std::vector<core::AuditRecord> records;
  size_t taken = 0;                   // into the page
  std::optional<int64_t> goes_on_at;  // there may be more: the id that the next page begins after

  bool ends_early() const { return taken == records.size() && goes_on_at.has_value(); }
  bool has_more() const { return taken < records.size() || goes_on_at.has_value(); }
};

absl::StatusOr<Batch> Select(Connection& connection, const core::AuditQuery& query,
                             AuditPart part) {
  const auto newest = Newest(connection, part);
  if (!newest.ok()) return newest.status();
  const bool changes = part == AuditPart::kChanges;
  const int64_t before = changes ? query.after.change : -std::max(query.after.refusal, -INT64_MAX);
  const int64_t high = std::min(before, *newest + 1);
  const int64_t low = std::max<int64_t>(high - kLookedAt, 1);
  Batch found;
  if (high <= low) return found;
  const Ids ids = IdsOf(part, low, high);
  const int limit = std::max(query.limit, 1);
  auto statement = connection.Prepare(absl::StrCat(
      "SELECT id, time_ms, user_name, session_id, source, method, resource, result, reason, "
      "call_id, occurrences FROM audit_records "
      "WHERE id >= ? AND id <= ? AND time_ms >= ? AND (? = '' OR user_name = ?) ORDER BY id ",
      changes ? "DESC" : "ASC", " LIMIT ?"));
  if (!statement.ok()) return statement.status();
  RowBinder(**statement)
      .Int(ids.first)
      .Int(ids.last)
      .Int(query.since_ms)
      .Text(query.user)
      .Text(query.user)
      .Int(limit);
  for (;;) {
    const auto more = (*statement)->Step();
    if (!more.ok()) return more.status();
    if (!*more) break;
    found.records.push_back(ReadRecord(**statement));
  }
  if (found.records.size() == static_cast<size_t>(limit)) {
    found.goes_on_at = found.records.back().id;
  } else if (low > 1) {
    const auto later = found.records.empty()
                           ? AnySince(connection, ids, query.since_ms - kOutOfOrderMs)
                           : absl::StatusOr<bool>(true);
    if (!later.ok()) return later.status();
    if (*later) found.goes_on_at = changes ? low : -low;
  }
  return found;
}

}  // namespace

absl::Status InsertAudit(Connection& connection, const core::AuditRecord& record, AuditPart part) {
  // Not by INSERT … SELECT from the table itself, for which SQLite makes a temporary one each time.
  const auto newest = Newest(connection, part);
  if (!newest.ok()) return newest.status();
  auto statement = connection.Prepare(
      "INSERT INTO audit_records (id, time_ms, user_name, session_id, source, method, resource, "
      "result, reason, call_id, occurrences) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  if (!statement.ok()) return statement.status();
  RowBinder row(**statement);
  row.Int(IdsOf(part, *newest + 1, *newest + 2).first)
      .Int(record.time_ms)
      .Text(record.user)
      .Text(record.session_id)
      .Text(record.source);
  row.Text(record.method).Text(record.resource).Text(record.result).Text(record.reason);
  row.Text(record.call_id).Int(record.count);
  return (*statement)->Step().status();
}

// Both parts by their times, as far as it is known what comes next in each.
absl::StatusOr<core::AuditPage> SelectAudit(Connection& connection, const core::AuditQuery& query) {
  auto changes = Select(connection, query, AuditPart::kChanges);
  if (!changes.ok()) return changes.status();
  auto refusals = Select(connection, query, AuditPart::kRefusals);
  if (!refusals.ok()) return refusals.status();
  core::AuditPage page;
  core::AuditPlace place = query.after;
  while (page.records.size() < static_cast<size_t>(std::max(query.limit, 1)) &&
         !changes->ends_early() && !refusals->ends_early()) {
    const bool any_change = changes->taken < changes->records.size();
    const bool any_refusal = refusals->taken < refusals->records.size();
    if (!any_change && !any_refusal) break;
    const bool change =
        any_change && (!any_refusal || changes->records[changes->taken].time_ms >=
                                           refusals->records[refusals->taken].time_ms);
    Batch& from = change ? *changes : *refusals;
    place.Pass(from.records[from.taken]);
    page.records.push_back(std::move(from.records[from.taken++]));
  }
  if (changes->ends_early()) place.change = *changes->goes_on_at;
  if (refusals->ends_early()) place.refusal = *refusals->goes_on_at;
  if (changes->has_more() || refusals->has_more()) page.next = place;
  return page;
}

}  // namespace grpc_os::store
