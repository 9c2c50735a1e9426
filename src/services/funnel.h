// The one path that every method takes: authenticate, permission, deadline, limits; the handler;
// error map, log line, counters.
#ifndef GRPC_OS_SERVICES_FUNNEL_H_
#define GRPC_OS_SERVICES_FUNNEL_H_

#include <grpcpp/server_context.h>

#include <memory>
#include <string>
#include <string_view>

#include "services/call.h"
#include "services/reader_call.h"
#include "services/stream_call.h"
#include "services/unary_call.h"

namespace grpc_os::services {

// Runs on gRPC's callback threads: a handler validates, posts, returns.
class Funnel {
 public:
  explicit Funnel(CallEnvironment& environment) : environment_(environment) {}

  // `handler(call)` is called if the call is admitted; it sees to it that the call is answered
  // once.
  template <typename Response, typename Handler>
  grpc::ServerUnaryReactor* Unary(grpc::CallbackServerContext* context, std::string_view method,
                                  Response* response, Handler handler) {
    auto call = std::make_shared<UnaryCall<Response>>(environment_,
                                                      environment_.methods.Get(method), response);
    auto* reactor = call->Open();
    Enter(context, call, handler);
    return reactor;
  }

  template <typename Response, typename Handler>
  grpc::ServerWriteReactor<Response>* Stream(grpc::CallbackServerContext* context,
                                             std::string_view method, Handler handler) {
    auto call =
        std::make_shared<StreamCall<Response>>(environment_, environment_.methods.Get(method));
    auto* reactor = call->Open();
    Enter(context, call, handler);
    return reactor;
  }

  template <typename Request, typename Response, typename Handler>
  grpc::ServerReadReactor<Request>* Reader(grpc::CallbackServerContext* context,
                                           std::string_view method, Response* response,
                                           Handler handler) {
    auto call = std::make_shared<ReaderCall<Request, Response>>(
        environment_, environment_.methods.Get(method), response);
    auto* reactor = call->Open();
    Enter(context, call, handler);
    return reactor;
  }

 private:
  template <typename CallPointer, typename Handler>
  void Enter(grpc::CallbackServerContext* context, const CallPointer& call, Handler& handler) {
    Prepare(context, *call);
    if (absl::Status status = call->Admit(Authorization(context), DeadlineMs(context));
        !status.ok()) {
      call->End(status);
    } else {
      handler(call);
    }
    environment_.Add(call.get());
  }

  // Request id (the client's x-request-id, or a new one; sent back), local or not.
  void Prepare(grpc::CallbackServerContext* context, Call& call) const;
  static std::string Authorization(const grpc::CallbackServerContext* context);
  int64_t DeadlineMs(const grpc::CallbackServerContext* context) const;

  CallEnvironment& environment_;
};

}  // namespace grpc_os::services

#endif  // GRPC_OS_SERVICES_FUNNEL_H_
