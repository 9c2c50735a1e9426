#include "services/role_methods.h"

#include <string>
#include <utility>
#include <vector>

#include "core/identity/user_grammar.h"
#include "services/convert/identity_convert.h"
#include "services/resource_methods.h"

namespace grpc_os::services {
namespace {

// Of ResourceMethods.
struct RoleKind {
  using Message = v1::Role;
  using GetRequest = v1::GetRoleRequest;
  using ListRequest = v1::ListRolesRequest;
  using ListResponse = v1::ListRolesResponse;
  using CreateRequest = v1::CreateRoleRequest;
  using UpdateRequest = v1::UpdateRoleRequest;
  using DeleteRequest = v1::DeleteRoleRequest;
  using DeleteResponse = v1::DeleteRoleResponse;

  static constexpr const core::ResourceKind& kKind = core::kRoleKind;

  static const v1::Role& Given(const auto& request) { return request.role(); }
  static auto* ItemsOf(v1::ListRolesResponse& page) { return page.mutable_roles(); }

  static void CheckName(const std::string& name, const char* field, core::Violations& violations) {
    core::CheckRoleName(name, field, violations);
  }
  core::Role Read(const v1::Role& given, core::Violations& violations) const {
    return RoleFromProto(given, permissions, "role", violations);
  }
  static v1::Role Show(const core::Role& role) { return ToProto(role); }

  // Those that are built in first.
  static std::string KeyOf(const core::Role& role) {
    return (core::IsBuiltIn(role) ? "0" : "1") + role.name;
  }
  std::vector<core::Role> List(const std::string& after, int limit) const {
    std::vector<core::Role> roles = identity.ListRoles();
    std::erase_if(roles, [&](const core::Role& role) { return KeyOf(role) <= after; });
    if (roles.size() > static_cast<size_t>(limit)) roles.resize(static_cast<size_t>(limit));
    return roles;
  }
  absl::StatusOr<core::Role> Find(const std::string& name) const { return identity.FindRole(name); }
  void Create(core::Role wanted, core::Origin origin, core::Identity::RoleDone done) const {
    identity.CreateRole(std::move(wanted), std::move(origin), std::move(done));
  }
  void Update(core::Role wanted, const std::string& etag, core::Origin origin,
              core::Identity::RoleDone done) const {
    identity.UpdateRole(std::move(wanted), etag, std::move(origin), std::move(done));
  }
  void Delete(const std::string& name, const std::string& etag, core::Origin origin,
              core::Identity::Done done) const {
    identity.DeleteRole(name, etag, std::move(origin), std::move(done));
  }

  core::Identity& identity;
  const std::vector<core::Permission>& permissions;  // that there are
};

}  // namespace

void AddRoleMethods(Handlers& handlers, core::Identity& identity) {
  ResourceMethods<RoleKind>::Add(handlers, {identity, handlers.declarations().permissions});
}

}  // namespace grpc_os::services
