#include "store/session_table.h"

#include <utility>

namespace grpc_os::store {

absl::Status PutSession(Connection& connection, const core::Session& session) {
  if (auto status = RemoveSession(connection, session.id); !status.ok()) return status;
  auto statement = connection.Prepare(
      "INSERT INTO sessions (id, user_name, method, peer_uid, create_time_ms, expire_time_ms) "
      "VALUES (?, ?, ?, ?, ?, ?)");
  if (!statement.ok()) return statement.status();
  (*statement)->BindText(0, session.id);
  (*statement)->BindText(1, session.user);
  (*statement)->BindText(2, session.method);
  (*statement)->BindInt(3, session.peer_uid);
  (*statement)->BindInt(4, session.create_time_ms);
  (*statement)->BindInt(5, session.expire_time_ms);
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
      "SELECT id, user_name, method, peer_uid, create_time_ms, expire_time_ms "
      "FROM sessions WHERE expire_time_ms > ? ORDER BY id");
  if (!statement.ok()) return statement.status();
  (*statement)->BindInt(0, now_ms);
  std::vector<core::Session> sessions;
  for (;;) {
    const auto more = (*statement)->Step();
    if (!more.ok()) return more.status();
    if (!*more) return sessions;
    core::Session session;
    session.id = (*statement)->Text(0);
    session.user = (*statement)->Text(1);
    session.method = (*statement)->Text(2);
    session.peer_uid = (*statement)->Int(3);
    session.create_time_ms = (*statement)->Int(4);
    session.expire_time_ms = (*statement)->Int(5);
    sessions.push_back(std::move(session));
  }
}

}  // namespace grpc_os::store
