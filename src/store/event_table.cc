#include "store/event_table.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/error_detail.h"
#include "core/error_reason.h"
#include "store/meta_table.h"
#include "store/pairs.h"
#include "store/row.h"

namespace grpc_os::store {
namespace {

// OUT_OF_RANGE unless every event after `after` is there.
absl::Status CheckKept(Connection& connection, int64_t after) {
  const auto meta = ReadMeta(connection);
  if (!meta.ok()) return meta.status();
  const int64_t compacted = meta->compact_revision;
  const int64_t newest = meta->revision;
  if (after >= compacted && after <= newest) return absl::OkStatus();
  return MakeError(
      absl::StatusCode::kOutOfRange,
      absl::StrCat("the changes after revision ", after, " cannot be told: kept are those after ",
                   compacted, ", the newest is ", newest,
                   "; list what there is now, and watch from there"),
      {.reason = core::reason::kRevisionUnavailable,
       .metadata = {{"revision", absl::StrCat(after)},
                    {"oldest", absl::StrCat(compacted)},
                    {"newest", absl::StrCat(newest)}},
       .violations = {},
       .retry_after_ms = 0});
}

// Behind so many events in a row of other times nothing more is looked for.
constexpr int64_t kLookedAt = 20'000;

struct Happened {
  int64_t revision;
  int64_t time_ms;
};
absl::StatusOr<std::optional<Happened>> FirstFrom(Connection& connection, int64_t revision) {
  auto statement = connection.Prepare(
      "SELECT revision, time_ms FROM events WHERE revision >= ? ORDER BY revision, sequence "
      "LIMIT 1");
  if (!statement.ok()) return statement.status();
  RowBinder(**statement).Int(revision);
  const auto found = (*statement)->Step();
  if (!found.ok()) return found.status();
  std::optional<Happened> first;
  if (*found) first = {(*statement)->Int(0), (*statement)->Int(1)};
  (*statement)->Reset();
  return first;
}

// Of the last events before `revision`: the first that happened then; 0: none.
absl::StatusOr<int64_t> EarlierThan(Connection& connection, int64_t revision, int64_t from_ms,
                                    int64_t now_ms) {
  auto statement = connection.Prepare(
      "SELECT COALESCE(MIN(revision), 0) FROM (SELECT revision, time_ms FROM events "
      "WHERE revision < ? ORDER BY revision DESC, sequence DESC LIMIT ?) AS looked "
      "WHERE time_ms >= ? AND time_ms <= ?");
  if (!statement.ok()) return statement.status();
  RowBinder(**statement).Int(revision).Int(kLookedAt).Int(from_ms).Int(now_ms);
  const auto found = (*statement)->Step();
  if (!found.ok()) return found.status();
  const int64_t earlier = *found ? (*statement)->Int(0) : 0;
  (*statement)->Reset();
  return earlier;
}

}  // namespace

absl::Status InsertEvent(Connection& connection, const core::Event& event, int64_t revision,
                         int sequence) {
  auto statement = connection.Prepare(
      "INSERT INTO events "
      "(revision, sequence, time_ms, kind, resource_id, name, action, attributes) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
  if (!statement.ok()) return statement.status();
  const std::string attributes = EncodePairs(event.attributes);
  RowBinder row(**statement);
  row.Int(revision).Int(sequence).Int(event.time_ms).Text(event.kind).Text(event.resource_id);
  row.Text(event.name).Text(event.action).Blob(attributes);
  return (*statement)->Step().status();
}

absl::StatusOr<std::vector<core::Event>> SelectEvents(Connection& connection,
                                                      core::LogPosition after, int limit) {
  if (auto status = CheckKept(connection, after.Whole()); !status.ok()) return status;
  auto statement = connection.Prepare(
      "SELECT revision, sequence, time_ms, kind, resource_id, name, action, attributes "
      "FROM events WHERE (revision, sequence) > (?, ?) ORDER BY revision, sequence LIMIT ?");
  if (!statement.ok()) return statement.status();
  RowBinder(**statement).Int(after.revision).Int(after.sequence).Int(std::max(limit, 1));
  std::vector<core::Event> events;
  for (;;) {
    const auto more = (*statement)->Step();
    if (!more.ok()) return more.status();
    if (!*more) return events;
    core::Event event;
    event.revision = (*statement)->Int(0);
    event.sequence = static_cast<int>((*statement)->Int(1));
    event.time_ms = (*statement)->Int(2);
    event.kind = (*statement)->Text(3);
    event.resource_id = (*statement)->Text(4);
    event.name = (*statement)->Text(5);
    event.action = (*statement)->Text(6);
    auto attributes = DecodePairs((*statement)->Text(7));
    if (!attributes.ok()) {
      (*statement)->Reset();
      return absl::DataLossError(
          absl::StrCat("the stored event ", event.revision, ".", event.sequence,
                       " is damaged: ", attributes.status().message(), "; restore a backup"));
    }
    event.attributes = *std::move(attributes);
    events.push_back(std::move(event));
  }
}

// What a clock that had jumped for a while left in the midst of the log leads the search astray by
// no more than it looks back.
absl::StatusOr<int64_t> SelectRevisionBefore(Connection& connection, int64_t from_ms,
                                             int64_t now_ms) {
  const auto meta = ReadMeta(connection);
  if (!meta.ok()) return meta.status();
  int64_t low = meta->compact_revision + 1;
  int64_t high = meta->revision + 1;
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    const auto at = FirstFrom(connection, middle);
    if (!at.ok()) return at.status();
    const bool then = !at->has_value() || ((*at)->time_ms >= from_ms && (*at)->time_ms <= now_ms);
    then ? high = middle : low = (*at)->revision + 1;
  }
  for (;;) {
    const auto earlier = EarlierThan(connection, low, from_ms, now_ms);
    if (!earlier.ok()) return earlier.status();
    if (*earlier == 0) return low - 1;
    low = *earlier;
  }
}

}  // namespace grpc_os::store
