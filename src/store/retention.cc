#include "store/retention.h"

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <limits>
#include <string_view>

#include "store/meta_table.h"
#include "store/object_version_table.h"
#include "store/row.h"
#include "store/transaction.h"

namespace grpc_os::store {
namespace {

constexpr int64_t kNone = std::numeric_limits<int64_t>::max();

// The one number that `sql` finds for its parameter; kNone: no row.
absl::StatusOr<int64_t> Find(Connection& connection, std::string_view sql, int64_t parameter) {
  auto statement = connection.Prepare(sql);
  if (!statement.ok()) return statement.status();
  (*statement)->BindInt(0, parameter);
  const auto row = (*statement)->Step();
  if (!row.ok()) return row.status();
  const int64_t found = *row && !(*statement)->IsNull(0) ? (*statement)->Int(0) : kNone;
  (*statement)->Reset();
  return found;
}

absl::Status Delete(Connection& connection, std::string_view sql, int64_t parameter) {
  auto statement = connection.Prepare(sql);
  if (!statement.ok()) return statement.status();
  (*statement)->BindInt(0, parameter);
  return (*statement)->Step().status();
}

}  // namespace

bool Retention::Step(Connection& connection, const Dialect& dialect, int64_t operations) {
  const int64_t now = now_ms_();
  // A clock that was set back is no reason to wait.
  const bool late = now < checked_ms_ || now - checked_ms_ >= kept_.check_ms;
  if (!more_ && !late && operations - checked_operations_ < kept_.check_operations) return false;
  checked_operations_ = operations;
  checked_ms_ = now;
  const auto swept = Sweep(connection, dialect);
  // Where the storage fails, it is tried again when it is next time to look: a write that a user
  // waits for goes first.
  more_ = swept.ok() && swept->more;
  if (!swept.ok()) return false;
  next_part_ = swept->next_part;
  swept_at_ = swept->newest_revision;
  swept_rows_ += swept->rows;
  if (swept->rows > 0) ++sweeps_;
  compact_revision_.store(swept->compact_revision, std::memory_order_release);
  return more_;
}

// The part that used up the rows of a step is the last to have some of the next: none starves.
absl::StatusOr<Retention::Swept> Retention::Sweep(Connection& connection, const Dialect& dialect) {
  Swept swept;
  Transaction transaction(connection);
  if (auto status = transaction.Begin(dialect.begin_write); !status.ok()) return status;
  const auto meta = ReadMeta(connection, dialect.for_update);
  if (!meta.ok()) return meta.status();
  swept.newest_revision = meta->revision;
  swept.compact_revision = meta->compact_revision;
  const auto room = RoomOf(connection);
  if (!room.ok()) return room.status();
  swept.room = *room;
  using Part = absl::Status (Retention::*)(Connection&, Swept&) const;
  constexpr Part kParts[] = {&Retention::SweepEvents,   &Retention::SweepChanges,
                             &Retention::SweepRefusals, &Retention::SweepRequests,
                             &Retention::SweepSessions, &Retention::SweepVersions};
  for (size_t i = 0; i < std::size(kParts) && !swept.more; ++i) {
    const size_t part = (next_part_ + i) % std::size(kParts);
    if (swept.rows >= swept.room) {
      swept.more = true;
      swept.next_part = part;
      break;
    }
    if (auto status = (this->*kParts[part])(connection, swept); !status.ok()) return status;
    if (swept.more) swept.next_part = (part + 1) % std::size(kParts);
  }
  if (swept.compact_revision == compact_revision_ && swept.rows == 0) return swept;
  if (auto status = transaction.Commit(); !status.ok()) return status;
  return swept;
}

// While it goes on step by step, more than was written since the last one. An event is written with
// each change, and a change leaves a version behind.
absl::StatusOr<int64_t> Retention::RoomOf(Connection& connection) const {
  if (!more_) return kept_.step_rows;
  const auto written =
      Find(connection, "SELECT COUNT(*) FROM events WHERE revision > ?", swept_at_);
  if (!written.ok()) return written.status();
  return std::max<int64_t>(kept_.step_rows, 4 * *written);
}

// Of each kind at most what is left of the step's rows; `more` once they are used up. Events go by
// whole revisions, the mark first: who reads afterwards is told, who reads in a snapshot from
// before has them all.
absl::Status Retention::SweepEvents(Connection& connection, Swept& swept) const {
  const int64_t target = swept.newest_revision - kept_.revisions;
  if (target <= swept.compact_revision) return absl::OkStatus();
  const auto first = Find(connection,
                          "SELECT revision FROM events ORDER BY revision, sequence "
                          "LIMIT 1 OFFSET ?",
                          0);
  if (!first.ok()) return first.status();
  const auto beyond = Find(connection,
                           "SELECT revision FROM events ORDER BY revision, sequence "
                           "LIMIT 1 OFFSET ?",
                           swept.room - swept.rows);
  if (!beyond.ok()) return beyond.status();
  // A revision with more events than a step goes in one.
  swept.more = *beyond <= target;
  swept.compact_revision = swept.more ? std::max(*beyond - 1, *first) : target;
  if (auto status = WriteCompactRevision(connection, swept.compact_revision); !status.ok()) {
    return status;
  }
  const auto count =
      Find(connection, "SELECT COUNT(*) FROM events WHERE revision <= ?", swept.compact_revision);
  if (!count.ok()) return count.status();
  swept.rows += *count;
  return Delete(connection, "DELETE FROM events WHERE revision <= ?", swept.compact_revision);
}

// Of one part of the audit (audit_table.h): what finds its newest, its oldest ones first, and what
// deletes up to one of them.
struct Retention::AuditPartKept {
  int64_t records;
  const char* newest;
  const char* oldest;
  const char* forget;
};

absl::Status Retention::SweepChanges(Connection& connection, Swept& swept) const {
  return SweepAudit(connection, swept,
                    {kept_.audit_records, "SELECT MAX(id) FROM audit_records WHERE id > ?",
                     "SELECT id, time_ms FROM audit_records WHERE id > 0 ORDER BY id LIMIT ?",
                     "DELETE FROM audit_records WHERE id > 0 AND id <= ?"});
}

absl::Status Retention::SweepRefusals(Connection& connection, Swept& swept) const {
  return SweepAudit(connection, swept,
                    {kept_.audit_refusals, "SELECT MIN(id) FROM audit_records WHERE id < ?",
                     "SELECT id, time_ms FROM audit_records WHERE id < 0 ORDER BY id DESC LIMIT ?",
                     "DELETE FROM audit_records WHERE id < 0 AND id >= ?"});
}

// The newest always stays: ids go on from it.
absl::Status Retention::SweepAudit(Connection& connection, Swept& swept,
                                   const AuditPartKept& part) const {
  const auto newest = Find(connection, part.newest, 0);
  if (!newest.ok()) return newest.status();
  if (*newest == kNone) return absl::OkStatus();
  auto statement = connection.Prepare(part.oldest);
  if (!statement.ok()) return statement.status();
  const int64_t room = swept.room - swept.rows;
  (*statement)->BindInt(0, room);
  const int64_t old = now_ms_() - kept_.audit_ms;
  int64_t upto = 0;
  int64_t rows = 0;
  for (;;) {
    const auto more = (*statement)->Step();
    if (!more.ok()) return more.status();
    if (!*more) break;
    const int64_t id = (*statement)->Int(0);
    // The ids of a part are all of one sign, and one apart: those of refusals count down from -1.
    const bool goes = std::abs(*newest - id) >= part.records || (*statement)->Int(1) < old;
    if (!goes || id == *newest) break;
    upto = id;
    ++rows;
  }
  (*statement)->Reset();
  swept.rows += rows;
  swept.more = rows == room;
  if (rows == 0) return absl::OkStatus();
  return Delete(connection, part.forget, upto);
}

absl::Status Retention::SweepRequests(Connection& connection, Swept& swept) const {
  auto statement = connection.Prepare(
      "SELECT time_ms FROM requests WHERE time_ms <= ? ORDER BY time_ms LIMIT ?");
  if (!statement.ok()) return statement.status();
  const int64_t room = swept.room - swept.rows;
  RowBinder(**statement).Int(now_ms_() - kept_.requests_ms).Int(room);
  int64_t upto = 0;
  int64_t rows = 0;
  for (;;) {
    const auto more = (*statement)->Step();
    if (!more.ok()) return more.status();
    if (!*more) break;
    upto = (*statement)->Int(0);
    ++rows;
  }
  swept.rows += rows;
  swept.more = rows == room;
  if (rows == 0) return absl::OkStatus();
  // With those of the same millisecond.
  return Delete(connection, "DELETE FROM requests WHERE time_ms <= ?", upto);
}

// There are few: the core bounds them.
absl::Status Retention::SweepSessions(Connection& connection, Swept& swept) const {
  const int64_t now = now_ms_();
  const auto count =
      Find(connection, "SELECT COUNT(*) FROM sessions WHERE expire_time_ms <= ?", now);
  if (!count.ok()) return count.status();
  swept.rows += *count;
  if (*count == 0) return absl::OkStatus();
  return Delete(connection, "DELETE FROM sessions WHERE expire_time_ms <= ?", now);
}

absl::Status Retention::SweepVersions(Connection& connection, Swept& swept) const {
  const int64_t room = swept.room - swept.rows;
  const int64_t now = now_ms_();
  const auto rows = RemoveOldVersions(connection, quotas_, now - kept_.versions_ms, room, now);
  if (!rows.ok()) return rows.status();
  swept.rows += *rows;
  swept.more = *rows == room;
  return absl::OkStatus();
}

}  // namespace grpc_os::store
