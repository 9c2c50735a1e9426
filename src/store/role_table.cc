#include "store/role_table.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "store/pairs.h"
#include "store/row.h"

namespace grpc_os::store {
namespace {

constexpr char kAllow[] = "allow";
constexpr char kDeny[] = "deny";
constexpr size_t kWordsPerRule = 3;

std::string EncodeRules(const std::vector<core::Rule>& rules) {
  std::vector<std::string> words;
  for (const core::Rule& rule : rules) {
    words.emplace_back(rule.effect == core::Effect::kAllow ? kAllow : kDeny);
    words.push_back(rule.permission);
    words.push_back(rule.prefix);
  }
  return EncodeWords(words);
}

// A rule that is not understood is never left out: it may be one that denies.
absl::StatusOr<std::vector<core::Rule>> DecodeRules(const std::string& encoded) {
  auto words = DecodeWords(encoded);
  if (!words.ok()) return words.status();
  if (words->size() % kWordsPerRule != 0)
    return absl::DataLossError(absl::StrCat("they are ", words->size(), " words, not three each"));
  std::vector<core::Rule> rules;
  for (size_t i = 0; i < words->size(); i += kWordsPerRule) {
    const std::string& effect = (*words)[i];
    if (effect != kAllow && effect != kDeny)
      return absl::DataLossError(absl::StrCat("'", effect, "' is neither allow nor deny"));
    rules.push_back({.effect = effect == kAllow ? core::Effect::kAllow : core::Effect::kDeny,
                     .permission = (*words)[i + 1],
                     .prefix = (*words)[i + 2]});
  }
  return rules;
}

}  // namespace

absl::Status PutRole(Connection& connection, const core::Role& role) {
  if (auto status = RemoveRole(connection, role.name); !status.ok()) return status;
  auto statement = connection.Prepare(
      "INSERT INTO roles (name, description, rules, change_number, create_time_ms, "
      "update_time_ms) VALUES (?, ?, ?, ?, ?, ?)");
  if (!statement.ok()) return statement.status();
  const std::string rules = EncodeRules(role.rules);
  RowBinder row(**statement);
  row.Text(role.name).Text(role.description).Text(rules);
  row.Int(role.change_number).Int(role.create_time_ms).Int(role.update_time_ms);
  return (*statement)->Step().status();
}

absl::Status RemoveRole(Connection& connection, const std::string& name) {
  auto statement = connection.Prepare("DELETE FROM roles WHERE name = ?");
  if (!statement.ok()) return statement.status();
  (*statement)->BindText(0, name);
  return (*statement)->Step().status();
}

absl::StatusOr<std::vector<core::Role>> ReadRoles(Connection& connection) {
  auto statement = connection.Prepare(
      "SELECT name, description, rules, change_number, create_time_ms, update_time_ms FROM roles "
      "ORDER BY name");
  if (!statement.ok()) return statement.status();
  std::vector<core::Role> roles;
  for (;;) {
    const auto more = (*statement)->Step();
    if (!more.ok()) return more.status();
    if (!*more) return roles;
    core::Role role;
    RowReader row(**statement);
    role.name = row.Text();
    role.description = row.Text();
    auto rules = DecodeRules(row.Text());
    if (!rules.ok()) {
      (*statement)->Reset();
      return absl::DataLossError(absl::StrCat("the stored role ", role.name,
                                              " is damaged: its rules: ", rules.status().message(),
                                              "; restore a backup of the database"));
    }
    role.rules = *std::move(rules);
    role.change_number = row.Int64();
    role.create_time_ms = row.Int64();
    role.update_time_ms = row.Int64();
    roles.push_back(std::move(role));
  }
}

}  // namespace grpc_os::store
