#include "services/auth_service.h"

#include "core/process/process_errors.h"
#include "core/process/validate.h"
#include "services/convert/time_convert.h"

namespace grpc_os::services {
namespace {

v1::User ToProto(const core::Caller& caller) {
  v1::User user;
  user.set_name(caller.user);
  for (const std::string& role : caller.roles) user.add_roles(role);
  user.set_login_method(caller.method);
  user.set_peer_uid(caller.peer_uid);
  return user;
}

}  // namespace

grpc::ServerUnaryReactor* AuthService::LoginPeer(grpc::CallbackServerContext* context,
                                                 const v1::LoginPeerRequest* request,
                                                 v1::LoginPeerResponse* response) {
  return funnel_.Unary(
      context, "grpc_os.v1.AuthService/LoginPeer", response, [&](const auto& call) {
        core::Violations violations;
        if (request->ticket().empty())
          violations.Add("ticket", "give the line that was read from the peer socket");
        if (!violations.empty()) return call->End(violations.ToStatus());
        identity_.LoginPeer(request->ticket(), [call](absl::StatusOr<core::Identity::Login> login) {
          if (!login.ok()) return call->End(core::FromStore(login.status()));
          v1::LoginPeerResponse answer;
          answer.set_access_token(login->token);
          SetTimeMs(login->caller.expire_time_ms, answer.mutable_expire_time());
          *answer.mutable_user() = ToProto(login->caller);
          call->Answer(std::move(answer));
        });
      });
}

grpc::ServerUnaryReactor* AuthService::WhoAmI(grpc::CallbackServerContext* context,
                                              const v1::WhoAmIRequest*,
                                              v1::WhoAmIResponse* response) {
  return funnel_.Unary(context, "grpc_os.v1.AuthService/WhoAmI", response, [](const auto& call) {
    v1::WhoAmIResponse answer;
    *answer.mutable_user() = ToProto(call->caller());
    SetTimeMs(call->caller().expire_time_ms, answer.mutable_expire_time());
    call->Answer(std::move(answer));
  });
}

grpc::ServerUnaryReactor* AuthService::Logout(grpc::CallbackServerContext* context,
                                              const v1::LogoutRequest*,
                                              v1::LogoutResponse* response) {
  return funnel_.Unary(context, "grpc_os.v1.AuthService/Logout", response,
                       [this](const auto& call) {
                         identity_.Logout(call->caller().session_id, [call](absl::Status status) {
                           if (!status.ok()) return call->End(core::FromStore(status));
                           call->Answer(v1::LogoutResponse());
                         });
                       });
}

}  // namespace grpc_os::services
