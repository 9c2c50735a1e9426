// How Client calls: for the files of this folder that implement it, and nobody else.
#ifndef GRPC_OS_CLIENT_CALLS_H_
#define GRPC_OS_CLIENT_CALLS_H_

#include <grpcpp/grpcpp.h>

#include <memory>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/guarded.h"
#include "base/id.h"
#include "client/client.h"
#include "client/errors.h"
#include "grpc_os/v1/auth_services.grpc.pb.h"
#include "grpc_os/v1/deploy_services.grpc.pb.h"
#include "grpc_os/v1/domain_services.grpc.pb.h"
#include "grpc_os/v1/event_services.grpc.pb.h"
#include "grpc_os/v1/filesystem_services.grpc.pb.h"
#include "grpc_os/v1/process_services.grpc.pb.h"
#include "grpc_os/v1/system_services.grpc.pb.h"
#include "grpc_os/v1/volume_services.grpc.pb.h"

namespace grpc_os::client {

// Stands for the method of a stub, which is overloaded.
#define GRPC_OS_METHOD(service, name) \
  [](Connection& c, auto&&... a) { return c.service.name(a...); }

inline constexpr Client::Timeout kNoTimeout = Client::Timeout::max();

struct Client::Connection {
  explicit Connection(const Address& address);

  std::shared_ptr<grpc::Channel> channel;
  v1::AuthService::Stub auth;
  v1::ProcessService::Stub processes;
  v1::EventService::Stub events;
  v1::FilesystemService::Stub objects;
  v1::SystemService::Stub system;
  v1::VolumeService::Stub volume;
  v1::DeployService::Stub deploys;
  v1::DomainService::Stub domains;
};

// What Cancel, on another thread, has to know.
struct Client::InFlight {
  struct State {
    bool cancelled = false;
    std::set<grpc::ClientContext*> contexts;
  };

  // Makes `context` a call in flight for its own lifetime.
  class Registration {
   public:
    Registration(InFlight& in_flight, grpc::ClientContext& context)
        : in_flight_(in_flight), context_(context) {
      auto state = in_flight_.state.Lock();
      state->contexts.insert(&context_);
      if (state->cancelled) context_.TryCancel();
    }
    ~Registration() { in_flight_.state.Lock()->contexts.erase(&context_); }
    Registration(const Registration&) = delete;
    Registration& operator=(const Registration&) = delete;

   private:
    InFlight& in_flight_;
    grpc::ClientContext& context_;
  };

  bool IsCancelled() { return state.Lock()->cancelled; }

  Guarded<State> state;
};

template <typename Request, typename Response, typename Method>
absl::StatusOr<Response> Client::Call(Method method, const Request& request, Timeout timeout,
                                      const std::string& token) {
  if (in_flight_->IsCancelled()) return absl::CancelledError("Interrupted.");
  const std::shared_ptr<Connection> connection = Connected();
  grpc::ClientContext context;
  if (timeout != kNoTimeout) context.set_deadline(std::chrono::system_clock::now() + timeout);
  if (!token.empty()) context.AddMetadata("authorization", absl::StrCat("Bearer ", token));
  Response response;
  grpc::Status status;
  {
    const InFlight::Registration registration(*in_flight_, context);
    status = method(*connection, &context, request, &response);
  }
  if (status.ok()) return response;
  return ErrorOf(*connection, status.error_code(), status.error_message(), status.error_details(),
                 timeout);
}

template <typename Request, typename Response, typename Method>
absl::StatusOr<Response> Client::CallWithToken(Method method, const Request& request,
                                               Timeout timeout) {
  absl::StatusOr<Response> result = absl::UnknownError("not called");
  const absl::Status status = WithToken([&](const std::string& token) {
    result = Call<Request, Response>(method, request, timeout, token);
    return result.status();
  });
  if (!status.ok()) return status;
  return result;
}

template <typename Request, typename Response, typename Method>
absl::StatusOr<Response> Client::Mutate(Method method, Request request, Timeout timeout) {
  if (request.request_id().empty()) request.set_request_id(RandomHex128());
  auto result = CallWithToken<Request, Response>(method, request, timeout);
  if (!ShouldComeAgain(result.status()) || !PauseBeforeRetry(result.status())) return result;
  return CallWithToken<Request, Response>(method, request, timeout);
}

template <typename Request, typename Message, typename Open>
absl::Status Client::Stream(Open open, const Request& request, Timeout timeout,
                            const std::function<bool(const Message&)>& on_message) {
  bool any = false;
  bool enough = false;
  const auto stream = [&](Connection& connection, grpc::ClientContext* context,
                          const Request& asked, Message* message) {
    auto reader = open(connection, context, asked);
    while (!enough && reader->Read(message)) {
      any = true;
      if (!on_message(*message)) enough = true;
    }
    if (enough) context->TryCancel();
    const grpc::Status status = reader->Finish();
    return enough ? grpc::Status::OK : status;
  };
  // A stream that was cut after its first message is for the caller to resume.
  absl::Status cut = absl::OkStatus();
  const absl::Status status = WithToken([&](const std::string& token) {
    auto result = Call<Request, Message>(stream, request, timeout, token);
    if (any && !result.ok()) {
      cut = result.status();
      return absl::OkStatus();
    }
    return result.status();
  });
  return status.ok() ? cut : status;
}

// All pages of a list: `take` moves what a page has into the answer.
template <typename Request, typename Response, typename Method, typename Take>
absl::StatusOr<Response> Client::AllPages(Method method, Request request, Take take) {
  Response all;
  do {
    auto page = CallWithToken<Request, Response>(method, request, options_.timeout);
    if (!page.ok()) return page.status();
    request.set_page_token(page->next_page_token());
    take(*page, all);
  } while (!request.page_token().empty());
  return all;
}

}  // namespace grpc_os::client

#endif  // GRPC_OS_CLIENT_CALLS_H_
