// AuthService: see protos/grpc_os/v1/auth_services.proto.
#ifndef GRPC_OS_SERVICES_AUTH_SERVICE_H_
#define GRPC_OS_SERVICES_AUTH_SERVICE_H_

#include "core/identity/identity.h"
#include "grpc_os/v1/auth_services.grpc.pb.h"
#include "services/funnel.h"

namespace grpc_os::services {

class AuthService final : public v1::AuthService::CallbackService {
 public:
  AuthService(Funnel& funnel, core::Identity& identity) : funnel_(funnel), identity_(identity) {}

  grpc::ServerUnaryReactor* LoginPeer(grpc::CallbackServerContext* context,
                                      const v1::LoginPeerRequest* request,
                                      v1::LoginPeerResponse* response) override;
  grpc::ServerUnaryReactor* WhoAmI(grpc::CallbackServerContext* context,
                                   const v1::WhoAmIRequest* request,
                                   v1::WhoAmIResponse* response) override;
  grpc::ServerUnaryReactor* Logout(grpc::CallbackServerContext* context,
                                   const v1::LogoutRequest* request,
                                   v1::LogoutResponse* response) override;

 private:
  Funnel& funnel_;
  core::Identity& identity_;
};

}  // namespace grpc_os::services

#endif  // GRPC_OS_SERVICES_AUTH_SERVICE_H_
