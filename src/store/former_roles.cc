#include "store/former_roles.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/identity/roles.h"
#include "core/resource/resource_codec.h"
#include "store/pairs.h"
#include "store/resource_table.h"
#include "store/row.h"

namespace grpc_os::store {
namespace {

constexpr char kAllow[] = "allow";
constexpr char kDeny[] = "deny";
constexpr size_t kWordsPerRule = 3;

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
    role.id = role.name = row.Text();
    role.spec.description = row.Text();
    auto rules = DecodeRules(row.Text());
    if (!rules.ok()) {
      (*statement)->Reset();
      return absl::DataLossError(absl::StrCat("the stored role ", role.name,
                                              " is damaged: its rules: ", rules.status().message(),
                                              "; restore a backup of the database"));
    }
    role.spec.rules = *std::move(rules);
    role.generation = row.Int64();
    role.create_time_ms = row.Int64();
    role.update_time_ms = row.Int64();
    roles.push_back(std::move(role));
  }
}

}  // namespace

absl::Status MoveRoles(Connection& writer) {
  const auto roles = ReadRoles(writer);
  if (!roles.ok()) return roles.status();
  for (const core::Role& role : *roles) {
    const auto row = core::EncodeResource(core::kRoleKind, role);
    if (auto status = PutResource(writer, row, /*revision=*/0); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace grpc_os::store
