// AuthService: see protos/grpc_os/v1/auth_services.proto.
#ifndef GRPC_OS_SERVICES_AUTH_SERVICE_H_
#define GRPC_OS_SERVICES_AUTH_SERVICE_H_

#include <functional>
#include <string>

#include "core/audit/audit.h"
#include "core/identity/identity.h"
#include "core/violations.h"
#include "grpc_os/v1/auth_services.grpc.pb.h"
#include "services/funnel.h"

namespace grpc_os::services {

class AuthService final : public v1::AuthService::CallbackService {
 public:
  AuthService(Funnel& funnel, core::Identity& identity, core::AuditStore& audit)
      : funnel_(funnel), identity_(identity), audit_(audit) {}

  using Context = grpc::CallbackServerContext;
  using Reactor = grpc::ServerUnaryReactor;
  Reactor* LoginPeer(Context*, const v1::LoginPeerRequest*, v1::LoginResponse*) override;
  Reactor* Login(Context*, const v1::LoginRequest*, v1::LoginResponse*) override;
  Reactor* RefreshToken(Context*, const v1::RefreshTokenRequest*, v1::LoginResponse*) override;
  Reactor* WhoAmI(Context*, const v1::WhoAmIRequest*, v1::WhoAmIResponse*) override;
  Reactor* Logout(Context*, const v1::LogoutRequest*, v1::LogoutResponse*) override;

  Reactor* GetUser(Context*, const v1::GetUserRequest*, v1::User*) override;
  Reactor* ListUsers(Context*, const v1::ListUsersRequest*, v1::ListUsersResponse*) override;
  Reactor* CreateUser(Context*, const v1::CreateUserRequest*, v1::User*) override;
  Reactor* DeleteUser(Context*, const v1::DeleteUserRequest*, v1::DeleteUserResponse*) override;
  Reactor* DisableUser(Context*, const v1::DisableUserRequest*, v1::User*) override;
  Reactor* EnableUser(Context*, const v1::EnableUserRequest*, v1::User*) override;
  Reactor* SetPassword(Context*, const v1::SetPasswordRequest*, v1::User*) override;
  Reactor* GrantRole(Context*, const v1::GrantRoleRequest*, v1::User*) override;
  Reactor* RevokeRole(Context*, const v1::RevokeRoleRequest*, v1::User*) override;

  Reactor* ListRoles(Context*, const v1::ListRolesRequest*, v1::ListRolesResponse*) override;
  Reactor* GetRole(Context*, const v1::GetRoleRequest*, v1::Role*) override;
  Reactor* CreateRole(Context*, const v1::CreateRoleRequest*, v1::Role*) override;
  Reactor* UpdateRole(Context*, const v1::UpdateRoleRequest*, v1::Role*) override;
  Reactor* DeleteRole(Context*, const v1::DeleteRoleRequest*, v1::DeleteRoleResponse*) override;

  Reactor* ListSessions(Context*, const v1::ListSessionsRequest*,
                        v1::ListSessionsResponse*) override;
  Reactor* EndSession(Context*, const v1::EndSessionRequest*, v1::EndSessionResponse*) override;
  Reactor* CreateToken(Context*, const v1::CreateTokenRequest*, v1::CreateTokenResponse*) override;
  Reactor* ListAuditRecords(Context*, const v1::ListAuditRecordsRequest*,
                            v1::ListAuditRecordsResponse*) override;

 private:
  // What carries a change of a user out, once the request is seen to be new.
  using Change = std::function<void(core::Origin, core::Identity::UserDone)>;
  // `request`: what makes it the same when it is repeated.
  template <typename Request>
  Reactor* RunChange(Context* context, const char* method, const Request& request,
                     v1::User* response, const std::string& user,
                     const core::Violations& violations, const Change& change);
  template <typename Request>
  Reactor* RunSwitch(Context* context, const char* method, const Request* request,
                     v1::User* response, bool disabled);
  // Of a user's roles.
  template <typename Request>
  Reactor* RunRoleChange(Context* context, const char* method, const Request* request,
                         v1::User* response, bool grant);
  // Of a role itself: `change(wanted, origin, done)`.
  template <typename Request, typename Run>
  Reactor* RunChangeOfRole(Context* context, const char* method, const Request* request,
                           v1::Role* response, Run run);

  Funnel& funnel_;
  core::Identity& identity_;
  core::AuditStore& audit_;
};

}  // namespace grpc_os::services

#endif  // GRPC_OS_SERVICES_AUTH_SERVICE_H_
