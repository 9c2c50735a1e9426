// What each role may do.
#ifndef GRPC_OS_CORE_IDENTITY_ROLES_H_
#define GRPC_OS_CORE_IDENTITY_ROLES_H_

#include <string>
#include <string_view>
#include <vector>

namespace grpc_os::core {

struct Role {
  std::string_view name;
  std::string_view description;
  std::vector<std::string_view> permissions;  // "process.read"; "*": all
};

// In the order of their names.
const std::vector<Role>& Roles();
// nullptr: there is no such role.
const Role* FindRole(std::string_view name);
// Whether one of the roles has the permission.
bool Allow(const std::vector<std::string>& roles, std::string_view permission);
// Whether the roles together may do all that `role` may.
bool Covers(const std::vector<std::string>& roles, std::string_view role);
// The roles of a caller with a token: they allow what both the token's and its user's roles allow.
std::vector<std::string> InForce(const std::vector<std::string>& token,
                                 const std::vector<std::string>& user);

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_IDENTITY_ROLES_H_
