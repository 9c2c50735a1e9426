#include "store/event_table.h"

#include <algorithm>
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

}  // namespace grpc_os::store
