#include "core/identity/user_grammar.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/limits.h"
#include "core/object/object_name.h"

namespace grpc_os::core {

namespace {

bool IsName(std::string_view name) {
  const bool letters = std::all_of(name.begin(), name.end(), [](char c) {
    return absl::ascii_islower(static_cast<unsigned char>(c)) ||
           absl::ascii_isdigit(static_cast<unsigned char>(c)) || c == '.' || c == '_' || c == '-';
  });
  return !name.empty() && static_cast<int64_t>(name.size()) <= limits::kNameBytes && letters &&
         absl::ascii_islower(static_cast<unsigned char>(name[0]));
}

bool IsPrintable(std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return absl::ascii_iscntrl(static_cast<unsigned char>(c)); });
}

void CheckPrefix(const std::string& prefix, Permission::Names names, const std::string& at,
                 Violations& violations) {
  if (names == Permission::Names::kNone) {
    violations.Add(at, "this permission is not about single things; leave the prefix out");
  } else if (prefix.find_first_of("*?") != std::string::npos) {
    violations.Add(at, names == Permission::Names::kPaths
                           ? "is no pattern: it covers all that lies in it; give the folder"
                           : "is no pattern: it covers all that begins with it; give that alone");
  } else if (names == Permission::Names::kPaths) {
    if (prefix[0] != '/') return violations.Add(at, "give an absolute name, such as /config/");
    ObjectName(prefix, at, violations, Root::kAllowed);
  } else if (static_cast<int64_t>(prefix.size()) > limits::kNameBytes ||
             !std::all_of(prefix.begin(), prefix.end(), [](char c) {
               return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '_' ||
                      c == '-';
             })) {
    violations.Add(at, absl::StrCat("give the beginning of names, such as web-: at most ",
                                    limits::kNameBytes, " letters, digits, '.', '_' and '-'"));
  }
}

void CheckRule(const Rule& rule, const std::vector<Permission>& permissions,
               const std::string& field, Violations& violations) {
  const auto known = std::find_if(
      permissions.begin(), permissions.end(),
      [&rule](const Permission& permission) { return permission.name == rule.permission; });
  if (rule.permission != kEveryPermission && known == permissions.end()) {
    const auto name = [](std::string* out, const Permission& permission) {
      out->append(permission.name);
    };
    violations.Add(absl::StrCat(field, ".permission"),
                   absl::StrCat("there is no permission '",
                                absl::CHexEscape(rule.permission.substr(0, limits::kNameBytes)),
                                "'; give one of ", absl::StrJoin(permissions, ", ", name), ", *"));
  }
  if (rule.prefix.empty()) return;
  CheckPrefix(rule.prefix, known == permissions.end() ? Permission::Names::kNone : known->names,
              absl::StrCat(field, ".prefix"), violations);
}

}  // namespace

void CheckUserName(std::string_view name, const std::string& field, Violations& violations) {
  if (IsName(name)) return;
  violations.Add(field, absl::StrCat("a user's name is 1 to ", limits::kNameBytes,
                                     " of a-z, 0-9, '.', '_' and '-', beginning with a letter"));
}

void CheckRoleName(std::string_view name, const std::string& field, Violations& violations) {
  if (IsName(name)) return;
  violations.Add(field, absl::StrCat("a role's name is 1 to ", limits::kNameBytes,
                                     " of a-z, 0-9, '.', '_' and '-', beginning with a letter"));
}

void CheckRole(const RoleSpec& role, const std::vector<Permission>& permissions,
               const std::string& field, Violations& violations) {
  if (static_cast<int64_t>(role.description.size()) > limits::kRoleDescriptionBytes ||
      !IsPrintable(role.description)) {
    violations.Add(
        absl::StrCat(field, ".description"),
        absl::StrCat("a description is at most ", limits::kRoleDescriptionBytes,
                     " bytes of printable text, this one has ", role.description.size()));
  }
  if (static_cast<int64_t>(role.rules.size()) > limits::kRoleRules) {
    violations.Add(absl::StrCat(field, ".rules"),
                   absl::StrCat("a role has at most ", limits::kRoleRules, " rules, this one has ",
                                role.rules.size(), "; make two roles of it"));
    return;
  }
  for (size_t i = 0; i < role.rules.size(); ++i)
    CheckRule(role.rules[i], permissions, absl::StrCat(field, ".rules[", i, "]"), violations);
}

void CheckNewPassword(std::string_view password, std::string_view user, int64_t bytes_min,
                      const std::string& field, Violations& violations) {
  const auto size = static_cast<int64_t>(password.size());
  if (size < bytes_min || size > limits::kPasswordBytesMax) {
    violations.Add(field,
                   absl::StrCat("a password has ", bytes_min, " to ", limits::kPasswordBytesMax,
                                " bytes, this one ", size,
                                size < bytes_min ? "; take a longer one" : "; take a shorter one"));
  } else if (password == user) {
    violations.Add(field, "the password is the user's name; take another");
  }
}

void CheckTriedPassword(std::string_view password, const std::string& field,
                        Violations& violations) {
  if (password.empty()) {
    violations.Add(field, "give the password");
  } else if (static_cast<int64_t>(password.size()) > limits::kPasswordBytesMax) {
    violations.Add(field, absl::StrCat("a password has at most ", limits::kPasswordBytesMax,
                                       " bytes, this one ", password.size()));
  }
}

void CheckSessionId(std::string_view id, const std::string& field, Violations& violations) {
  const bool digits = std::all_of(id.begin(), id.end(), [](char c) {
    return absl::ascii_isxdigit(static_cast<unsigned char>(c));
  });
  if (digits && id.size() == 32) return;
  violations.Add(field,
                 "the id of a session or token is 32 hexadecimal digits; `sessions` and "
                 "`token ls` show them");
}

void CheckLabel(std::string_view label, const std::string& field, Violations& violations) {
  if (IsPrintable(label) && static_cast<int64_t>(label.size()) <= limits::kLabelBytes) return;
  violations.Add(field, absl::StrCat("a label is at most ", limits::kLabelBytes,
                                     " bytes of printable text, this one has ", label.size()));
}

void CheckTokenTtl(int64_t ttl_ms, const std::string& field, Violations& violations) {
  if (ttl_ms >= limits::kTokenTtlMinMs && ttl_ms <= limits::kTokenTtlMaxMs) return;
  violations.Add(field, "a token lives from 1 minute to 365 days; unset: 90 days");
}

}  // namespace grpc_os::core
