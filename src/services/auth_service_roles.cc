// Roles, as AuthService has them.
#include <set>
#include <string>
#include <utility>

#include "core/identity/identity_errors.h"
#include "core/identity/user_grammar.h"
#include "services/answer_empty.h"
#include "services/auth_service.h"
#include "services/convert/identity_convert.h"
#include "services/paging.h"
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

// By which they are in order: those that are built in first.
std::string KeyOf(const core::Role& role) { return (role.built_in ? "0" : "1") + role.name; }

}  // namespace

template <typename Request, typename Run>
void AuthService::AddChangeOfRole(Handlers& handlers, Run run) {
  handlers.Unary<Request, v1::Role>([this, run](const auto& call, const Request& request) {
    core::Violations violations;
    core::Role wanted = RoleFromProto(request.role(), PermissionsOf(call->environment().methods),
                                      "role", violations);
    if (!violations.empty()) return call->End(violations.ToStatus());
    const auto carry_out = [call, run, wanted, etag = request.role().etag()](core::Origin origin) {
      run(wanted, etag, std::move(origin), [call](const absl::StatusOr<core::Role>& role) {
        if (!role.ok()) return call->End(role.status());
        call->Answer(ToProto(*role));
      });
    };
    const auto repeat = [this, call](const core::CommittedRequest& committed) {
      const auto now = identity_.FindRole(committed.subject);
      if (!now) return call->End(core::RoleNotFound(committed.subject));
      call->Answer(ToProto(*now));
    };
    RunOnce(call, request, wanted.name, carry_out, repeat);
  });
}

void AuthService::AddRoles(Handlers& handlers) {
  handlers.Unary<v1::ListRolesRequest, v1::ListRolesResponse>(
      [this](const auto& call, const v1::ListRolesRequest& request) {
        const auto query = PageQuery::Of(*call, request);
        if (!query.ok()) return call->End(query.status());
        v1::ListRolesResponse answer;
        Page page(*query, answer.mutable_roles());
        for (const core::Role& role : identity_.ListRoles()) {
          if (KeyOf(role) > query->after() && !page.Add(ToProto(role), KeyOf(role))) break;
        }
        answer.set_next_page_token(page.NextToken());
        call->Answer(std::move(answer));
      });

  handlers.Unary<v1::GetRoleRequest, v1::Role>(
      [this](const auto& call, const v1::GetRoleRequest& request) {
        core::Violations violations;
        core::CheckRoleName(request.name(), "name", violations);
        if (!violations.empty()) return call->End(violations.ToStatus());
        const auto role = identity_.FindRole(request.name());
        if (!role) return call->End(core::RoleNotFound(request.name()));
        call->Answer(ToProto(*role));
      });

  AddChangeOfRole<v1::CreateRoleRequest>(
      handlers, [this](core::Role wanted, const std::string& /*etag*/, core::Origin origin,
                       core::Identity::RoleDone done) {
        identity_.CreateRole(std::move(wanted), std::move(origin), std::move(done));
      });

  AddChangeOfRole<v1::UpdateRoleRequest>(
      handlers, [this](core::Role wanted, const std::string& etag, core::Origin origin,
                       core::Identity::RoleDone done) {
        identity_.UpdateRole(std::move(wanted), etag, std::move(origin), std::move(done));
      });

  handlers.Unary<v1::DeleteRoleRequest, v1::DeleteRoleResponse>(
      [this](const auto& call, const v1::DeleteRoleRequest& request) {
        core::Violations violations;
        core::CheckRoleName(request.name(), "name", violations);
        if (!violations.empty()) return call->End(violations.ToStatus());
        const auto carry_out = [this, call, name = request.name(),
                                etag = request.etag()](core::Origin origin) {
          identity_.DeleteRole(name, etag, std::move(origin),
                               AnswerEmpty<v1::DeleteRoleResponse>(call));
        };
        const auto repeat = [call](const core::CommittedRequest&) {
          call->Answer(v1::DeleteRoleResponse());
        };
        RunOnce(call, request, request.name(), carry_out, repeat);
      });
}

}  // namespace grpc_os::services
