#include "store/user_table.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "store/pairs.h"
#include "store/row.h"

namespace grpc_os::store {
namespace {

absl::Status RunWith(Connection& connection, const char* sql, const std::string& name) {
  auto statement = connection.Prepare(sql);
  if (!statement.ok()) return statement.status();
  (*statement)->BindText(0, name);
  return (*statement)->Step().status();
}

absl::Status RemoveRow(Connection& connection, const std::string& name) {
  return RunWith(connection, "DELETE FROM users WHERE name = ?", name);
}

}  // namespace

absl::Status PutUser(Connection& connection, const core::User& user) {
  if (auto status = RemoveRow(connection, user.name); !status.ok()) return status;
  auto statement = connection.Prepare(
      "INSERT INTO users (name, roles, password_hash, disabled, epoch, change_number, "
      "create_time_ms, update_time_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
  if (!statement.ok()) return statement.status();
  const std::string roles = EncodeWords(user.roles);
  RowBinder row(**statement);
  row.Text(user.name).Text(roles).Text(user.password_hash).Int(user.disabled);
  row.Text(user.epoch).Int(user.change_number).Int(user.create_time_ms).Int(user.update_time_ms);
  return (*statement)->Step().status();
}

absl::Status RemoveUser(Connection& connection, const std::string& name) {
  if (auto status = RunWith(connection, "DELETE FROM sessions WHERE user_name = ?", name);
      !status.ok()) {
    return status;
  }
  return RemoveRow(connection, name);
}

absl::StatusOr<std::vector<core::User>> ReadUsers(Connection& connection) {
  auto statement = connection.Prepare(
      "SELECT name, roles, password_hash, disabled, epoch, change_number, create_time_ms, "
      "update_time_ms FROM users ORDER BY name");
  if (!statement.ok()) return statement.status();
  std::vector<core::User> users;
  for (;;) {
    const auto more = (*statement)->Step();
    if (!more.ok()) return more.status();
    if (!*more) return users;
    core::User user;
    RowReader row(**statement);
    user.name = row.Text();
    auto roles = DecodeWords(row.Text());
    if (!roles.ok()) {
      (*statement)->Reset();
      return absl::DataLossError(absl::StrCat("the stored user ", user.name,
                                              " is damaged: its roles: ", roles.status().message(),
                                              "; restore a backup of the database"));
    }
    user.roles = *std::move(roles);
    user.password_hash = row.Text();
    user.disabled = row.Bool();
    user.epoch = row.Text();
    user.change_number = row.Int64();
    user.create_time_ms = row.Int64();
    user.update_time_ms = row.Int64();
    users.push_back(std::move(user));
  }
}

}  // namespace grpc_os::store
