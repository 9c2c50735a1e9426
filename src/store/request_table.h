// Committed requests as rows. Each function runs inside a transaction of its caller.
#ifndef GRPC_OS_STORE_REQUEST_TABLE_H_
#define GRPC_OS_STORE_REQUEST_TABLE_H_

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/request/request.h"
#include "store/database.h"

namespace grpc_os::store {

// Inserts or replaces by its key.
absl::Status PutRequest(Connection& connection, const core::CommittedRequest& request);
// nullopt: there is none, or it is not newer than `expired_ms`.
absl::StatusOr<std::optional<core::CommittedRequest>> SelectRequest(Connection& connection,
                                                                    const core::RequestKey& key,
                                                                    int64_t expired_ms);

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_REQUEST_TABLE_H_
