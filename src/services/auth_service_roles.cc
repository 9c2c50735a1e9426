// Roles, as AuthService has them.
#include <set>
#include <string>
#include <utility>

#include "core/identity/identity_errors.h"
#include "core/identity/user_grammar.h"
#include "services/answer_empty.h"
#include "services/auth_service.h"
#include "services/convert/identity_convert.h"
#include "services/run_once.h"

namespace grpc_os::services {
namespace {

// All that methods declare.
std::set<std::string> PermissionsOf(const MethodTable& methods) {
  std::set<std::string> permissions;
  for (const MethodInfo& method : methods.all()) {
    if (method.permission != kNoLogin && method.permission != kAnyLogin)
      permissions.insert(method.permission);
  }
  return permissions;
}

}  // namespace

AuthService::Reactor* AuthService::ListRoles(Context* context, const v1::ListRolesRequest*,
                                             v1::ListRolesResponse* response) {
  return funnel_.Unary(context, "grpc_os.v1.AuthService/ListRoles", response,
                       [this](const auto& call) {
                         v1::ListRolesResponse answer;
                         for (const core::Role& role : identity_.ListRoles())
                           *answer.add_roles() = ToProto(role);
                         call->Answer(std::move(answer));
                       });
}

AuthService::Reactor* AuthService::GetRole(Context* context, const v1::GetRoleRequest* request,
                                           v1::Role* response) {
  return funnel_.Unary(context, "grpc_os.v1.AuthService/GetRole", response, [&](const auto& call) {
    core::Violations violations;
    core::CheckRoleName(request->name(), "name", violations);
    if (!violations.empty()) return call->End(violations.ToStatus());
    const auto role = identity_.FindRole(request->name());
    if (!role) return call->End(core::RoleNotFound(request->name()));
    call->Answer(ToProto(*role));
  });
}

template <typename Request, typename Run>
AuthService::Reactor* AuthService::RunChangeOfRole(Context* context, const char* method,
                                                   const Request* request, v1::Role* response,
                                                   Run run) {
  return funnel_.Unary(context, method, response, [&](const auto& call) {
    core::Violations violations;
    core::Role wanted = RoleFromProto(request->role(), PermissionsOf(call->environment().methods),
                                      "role", violations);
    if (!violations.empty()) return call->End(violations.ToStatus());
    const auto carry_out = [call, run, wanted](core::Origin origin) {
      run(wanted, std::move(origin), [call](const absl::StatusOr<core::Role>& role) {
        if (!role.ok()) return call->End(role.status());
        call->Answer(ToProto(*role));
      });
    };
    const auto repeat = [this, call](const core::CommittedRequest& committed) {
      const auto now = identity_.FindRole(committed.subject);
      if (!now) return call->End(core::RoleNotFound(committed.subject));
      call->Answer(ToProto(*now));
    };
    RunOnce(call, *request, wanted.name, carry_out, repeat);
  });
}

AuthService::Reactor* AuthService::CreateRole(Context* context,
                                              const v1::CreateRoleRequest* request,
                                              v1::Role* response) {
  return RunChangeOfRole(
      context, "grpc_os.v1.AuthService/CreateRole", request, response,
      [this](core::Role wanted, core::Origin origin, core::Identity::RoleDone done) {
        identity_.CreateRole(std::move(wanted), std::move(origin), std::move(done));
      });
}

AuthService::Reactor* AuthService::UpdateRole(Context* context,
                                              const v1::UpdateRoleRequest* request,
                                              v1::Role* response) {
  return RunChangeOfRole(
      context, "grpc_os.v1.AuthService/UpdateRole", request, response,
      [this, etag = request->role().etag()](core::Role wanted, core::Origin origin,
                                            core::Identity::RoleDone done) {
        identity_.UpdateRole(std::move(wanted), etag, std::move(origin), std::move(done));
      });
}

AuthService::Reactor* AuthService::DeleteRole(Context* context,
                                              const v1::DeleteRoleRequest* request,
                                              v1::DeleteRoleResponse* response) {
  return funnel_.Unary(context, "grpc_os.v1.AuthService/DeleteRole", response,
                       [&](const auto& call) {
                         core::Violations violations;
                         core::CheckRoleName(request->name(), "name", violations);
                         if (!violations.empty()) return call->End(violations.ToStatus());
                         const auto carry_out = [this, call, name = request->name(),
                                                 etag = request->etag()](core::Origin origin) {
                           identity_.DeleteRole(name, etag, std::move(origin),
                                                AnswerEmpty<v1::DeleteRoleResponse>(call));
                         };
                         const auto repeat = [call](const core::CommittedRequest&) {
                           call->Answer(v1::DeleteRoleResponse());
                         };
                         RunOnce(call, *request, request->name(), carry_out, repeat);
                       });
}

}  // namespace grpc_os::services
