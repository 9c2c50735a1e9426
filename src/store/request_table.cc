#include "store/request_table.h"

#include <utility>

#include "store/row.h"

namespace grpc_os::store {

absl::Status PutRequest(Connection& connection, const core::CommittedRequest& request) {
  const core::RequestKey& key = request.key;
  auto insert = connection.Prepare(
      "REPLACE INTO requests (user_name, method, request_id, digest, subject, time_ms) "
      "VALUES (?, ?, ?, ?, ?, ?)");
  if (!insert.ok()) return insert.status();
  RowBinder row(**insert);
  row.Text(key.user).Text(key.method).Text(key.id);
  row.Text(request.digest).Text(request.subject).Int(request.time_ms);
  return (*insert)->Step().status();
}

absl::StatusOr<std::optional<core::CommittedRequest>> SelectRequest(Connection& connection,
                                                                    const core::RequestKey& key,
                                                                    int64_t expired_ms) {
  auto statement = connection.Prepare(
      "SELECT digest, subject, time_ms FROM requests "
      "WHERE user_name = ? AND method = ? AND request_id = ? AND time_ms > ?");
  if (!statement.ok()) return statement.status();
  RowBinder(**statement).Text(key.user).Text(key.method).Text(key.id).Int(expired_ms);
  const auto found = (*statement)->Step();
  if (!found.ok()) return found.status();
  if (!*found) return std::optional<core::CommittedRequest>();
  core::CommittedRequest request;
  request.key = key;
  RowReader row(**statement);
  request.digest = row.Text();
  request.subject = row.Text();
  request.time_ms = row.Int64();
  (*statement)->Reset();
  return std::optional<core::CommittedRequest>(std::move(request));
}

}  // namespace grpc_os::store
