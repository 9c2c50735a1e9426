#include "core/identity/roles.h"

#include <algorithm>

namespace grpc_os::core {

const std::vector<Role>& Roles() {
  static const auto* const roles = new std::vector<Role>{
      {"admin", "May do everything.", {"*"}},
      {"operator",
       "Runs processes, and sees everything but users and the audit.",
       {"process.read", "process.write", "event.read", "system.read"}},
      {"viewer",
       "Sees everything but users and the audit.",
       {"process.read", "event.read", "system.read"}},
  };
  return *roles;
}

const Role* FindRole(std::string_view name) {
  const auto found = std::find_if(Roles().begin(), Roles().end(),
                                  [name](const Role& role) { return role.name == name; });
  return found == Roles().end() ? nullptr : &*found;
}

bool Allow(const std::vector<std::string>& roles, std::string_view permission) {
  return std::any_of(roles.begin(), roles.end(), [permission](const std::string& name) {
    const Role* role = FindRole(name);
    return role != nullptr && std::any_of(role->permissions.begin(), role->permissions.end(),
                                          [permission](std::string_view one) {
                                            return one == "*" || one == permission;
                                          });
  });
}

bool Covers(const std::vector<std::string>& roles, std::string_view role) {
  const Role* wanted = FindRole(role);
  return wanted != nullptr &&
         std::all_of(wanted->permissions.begin(), wanted->permissions.end(),
                     [&roles](std::string_view permission) { return Allow(roles, permission); });
}

std::vector<std::string> InForce(const std::vector<std::string>& token,
                                 const std::vector<std::string>& user) {
  std::vector<std::string> roles;
  for (const std::string& role : token)
    if (Covers(user, role)) roles.push_back(role);
  for (const std::string& role : user)
    if (Covers(token, role)) roles.push_back(role);
  std::sort(roles.begin(), roles.end());
  roles.erase(std::unique(roles.begin(), roles.end()), roles.end());
  return roles;
}

}  // namespace grpc_os::core
