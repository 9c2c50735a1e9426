// AuthService: see protos/grpc_os/v1/auth_services.proto.
#ifndef GRPC_OS_SERVICES_AUTH_SERVICE_H_
#define GRPC_OS_SERVICES_AUTH_SERVICE_H_

#include <functional>
#include <memory>
#include <string>

#include "core/audit/audit.h"
#include "core/identity/identity.h"
#include "grpc_os/v1/auth_services.pb.h"
#include "services/handlers.h"

namespace grpc_os::services {

class AuthService {
 public:
  AuthService(Handlers& handlers, core::Identity& identity, core::AuditStore& audit);

 private:
  using UserCall = std::shared_ptr<UnaryCall<v1::User>>;
  // What carries a change of a user out, once the request is seen to be new.
  using Change = std::function<void(core::Origin, core::Identity::UserDone)>;

  void AddLogIn(Handlers& handlers);
  void AddUsers(Handlers& handlers);
  void AddUserChanges(Handlers& handlers);
  template <typename Request>
  void AddSwitch(Handlers& handlers, bool disabled);
  template <typename Request>
  void AddGrant(Handlers& handlers, bool grant);
  // `request`: what makes it the same when it is repeated.
  template <typename Request>
  void RunChange(const UserCall& call, const Request& request, const std::string& user,
                 const Change& change);
  void AddSessions(Handlers& handlers);
  void AddAudit(Handlers& handlers);

  core::Identity& identity_;
  core::AuditStore& audit_;
};

}  // namespace grpc_os::services

#endif  // GRPC_OS_SERVICES_AUTH_SERVICE_H_
