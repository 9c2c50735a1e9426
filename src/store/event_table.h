// Events as rows. Each function runs inside a transaction of its caller.
#ifndef GRPC_OS_STORE_EVENT_TABLE_H_
#define GRPC_OS_STORE_EVENT_TABLE_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/event/event.h"
#include "store/database.h"

namespace grpc_os::store {

absl::Status InsertEvent(Connection& connection, const core::Event& event, int64_t revision,
                         int sequence);
// As core::EventLog::ReadEvents. The transaction must see one snapshot.
absl::StatusOr<std::vector<core::Event>> SelectEvents(Connection& connection,
                                                      core::LogPosition after, int limit);

// As core::EventLog::FindBefore. Bounded: a binary search, and the events before what it found.
absl::StatusOr<int64_t> SelectRevisionBefore(Connection& connection, int64_t from_ms,
                                             int64_t now_ms);

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_EVENT_TABLE_H_
