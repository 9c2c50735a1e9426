#include "store/session_table.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "store/pairs.h"
#include "store/row.h"

namespace grpc_os::store {

absl::Status PutSession(Connection& connection, const core::Session& session) {
  if (auto status = RemoveSession(connection, session.id); !status.ok()) return status;
  auto statement = connection.Prepare(
      "INSERT INTO sessions (id, user_name, method, peer_uid, source, epoch, refresh_number, "
      "token_digest, label, roles, create_time_ms, expire_time_ms) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  if (!statement.ok()) return statement.status();
  const std::string roles = EncodeWords(session.roles);
  RowBinder row(**statement);
  row.Text(session.id).Text(session.user).Text(session.method).Int(session.peer_uid);
  row.Text(session.source).Text(session.epoch).Int(session.refresh_number);
  row.Text(session.token_digest).Text(session.label).Text(roles);
  row.Int(session.create_time_ms).Int(session.expire_time_ms);
  return (*statement)->Step().status();
}

absl::Status RemoveSession(Connection& connection, const std::string& id) {
  auto statement = connection.Prepare("DELETE FROM sessions WHERE id = ?");
  if (!statement.ok()) return statement.status();
  (*statement)->BindText(0, id);
  return (*statement)->Step().status();
}

absl::Status RemoveExpiredSessions(Connection& connection, int64_t now_ms) {
  auto statement = connection.Prepare("DELETE FROM sessions WHERE expire_time_ms <= ?");
  if (!statement.ok()) return statement.status();
  (*statement)->BindInt(0, now_ms);
  return (*statement)->Step().status();
}

absl::StatusOr<std::vector<core::Session>> ReadSessions(Connection& connection, int64_t now_ms) {
  auto statement = connection.Prepare(
      "SELECT id, user_name, method, peer_uid, source, epoch, refresh_number, token_digest, label, "
      "roles, create_time_ms, expire_time_ms "
      "FROM sessions WHERE expire_time_ms > ? ORDER BY id");
  if (!statement.ok()) return statement.status();
  (*statement)->BindInt(0, now_ms);
  std::vector<core::Session> sessions;
  for (;;) {
    const auto more = (*statement)->Step();
    if (!more.ok()) return more.status();
    if (!*more) return sessions;
    core::Session session;
    RowReader row(**statement);
    session.id = row.Text();
    session.user = row.Text();
    session.method = row.Text();
    session.peer_uid = row.Int64();
    session.source = row.Text();
    session.epoch = row.Text();
    session.refresh_number = row.Int64();
    session.token_digest = row.Text();
    session.label = row.Text();
    auto roles = DecodeWords(row.Text());
    if (!roles.ok()) {
      (*statement)->Reset();
      return absl::DataLossError(absl::StrCat("the stored session ", session.id,
                                              " is damaged: its roles: ", roles.status().message(),
                                              "; restore a backup of the database"));
    }
    session.roles = *std::move(roles);
    session.create_time_ms = row.Int64();
    session.expire_time_ms = row.Int64();
    sessions.push_back(std::move(session));
  }
}

}  // namespace grpc_os::store
