// The one path that every method takes: authenticate, permission, deadline, limits; the handler;
// error map, log line, counters.
#ifndef GRPC_OS_SERVICES_HANDLERS_H_
#define GRPC_OS_SERVICES_HANDLERS_H_

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "services/call.h"
#include "services/reader_call.h"
#include "services/stream_call.h"
#include "services/unary_call.h"

namespace grpc_os::services {

// The handler of each method, which is found by the type of its request: no two methods have the
// same. Services enter theirs at the start; after that it is thread-safe.
//
// A handler is called if the call is admitted. It runs on a thread of the transport: it validates,
// posts, returns, and sees to it that the call is answered once. The request is there only until it
// returns.
class Handlers {
 public:
  explicit Handlers(CallEnvironment& environment)
      : environment_(environment), begin_(environment.methods.all().size()) {}

  // `handler(call, request)`, with a std::shared_ptr<UnaryCall<Response>>.
  template <typename Request, typename Response, typename Handler>
  void Unary(Handler handler) {
    Enter<UnaryCall<Response>, Request>(/*server_streams=*/false, std::move(handler),
                                        Response::descriptor());
  }

  // `handler(call, request)`, with a std::shared_ptr<StreamCall<Response>>.
  template <typename Request, typename Response, typename Handler>
  void Stream(Handler handler) {
    Enter<StreamCall<Response>, Request>(/*server_streams=*/true, std::move(handler),
                                         Response::descriptor());
  }

  // `handler(call)`, with a std::shared_ptr<ReaderCall<Request, Response>>.
  template <typename Request, typename Response, typename Handler>
  void Reader(Handler handler) {
    Enter({.request = Request::descriptor(),
           .response = Response::descriptor(),
           .client_streams = true},
          [this, handler = std::move(handler)](const MethodInfo& method, const Arrival& arrival,
                                               Exchange& exchange) {
            const auto call = std::make_shared<ReaderCall<Request, Response>>(environment_, method,
                                                                              arrival, exchange);
            if (Open(call, arrival, exchange, nullptr)) handler(call);
            environment_.Add(call.get());
          });
  }

  // FAILED_PRECONDITION, naming each one, unless every method has a handler that is made for it,
  // and every handler a method.
  absl::Status Check() const;

  // Of the transport: a call of a method has come.
  void Begin(const MethodInfo& method, Arrival arrival, Exchange& exchange) const {
    Arrive(arrival);
    begin_[static_cast<size_t>(method.index)](method, arrival, exchange);
  }
  // Whose call it is, if the edge passes it on.
  void Arrive(Arrival& arrival) const {
    if (!arrival.edge_secret.empty()) TakeForwarded(environment_.edge_secret, arrival);
  }
  const MethodTable& methods() const { return environment_.methods; }
  const Declarations& declarations() const { return environment_.declarations; }

 private:
  // What a handler is made for.
  struct Shape {
    const google::protobuf::Descriptor* request = nullptr;
    const google::protobuf::Descriptor* response = nullptr;
    bool client_streams = false;
    bool server_streams = false;
  };
  using BeginCall = std::function<void(const MethodInfo&, const Arrival&, Exchange&)>;

  template <typename CallType, typename Request, typename Handler>
  void Enter(bool server_streams, Handler handler, const google::protobuf::Descriptor* response) {
    Enter(
        {.request = Request::descriptor(), .response = response, .server_streams = server_streams},
        [this, handler = std::move(handler)](const MethodInfo& method, const Arrival& arrival,
                                             Exchange& exchange) {
          const auto call = std::make_shared<CallType>(environment_, method, arrival, exchange);
          Request request;
          if (Open(call, arrival, exchange, &request)) handler(call, std::as_const(request));
          environment_.Add(call.get());
        });
  }
  void Enter(const Shape& shape, BeginCall begin);
  // Admits it, and then reads its request, if it has one; or ends it.
  static bool Open(const std::shared_ptr<Call>& call, const Arrival& arrival, Exchange& exchange,
                   google::protobuf::Message* request);

  CallEnvironment& environment_;
  std::vector<BeginCall> begin_;  // by the index of the method
  std::vector<std::string> mistakes_;
};

}  // namespace grpc_os::services

#endif  // GRPC_OS_SERVICES_HANDLERS_H_
