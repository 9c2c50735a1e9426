#include "client/client.h"

#include <grpcpp/grpcpp.h>

#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/error_detail.h"
#include "base/limits.h"
#include "client/errors.h"
#include "client/peer_ticket.h"
#include "client/token_file.h"
#include "grpc_os/v1/auth_services.grpc.pb.h"
#include "grpc_os/v1/process_services.grpc.pb.h"
#include "grpc_os/v1/system_services.grpc.pb.h"

namespace grpc_os::client {
namespace {

using Millis = std::chrono::milliseconds;

// A dead daemon is back within a second or two: do not wait longer between attempts to reach it.
constexpr int kReconnectFirstMs = 100;
constexpr int kReconnectMaxMs = 1000;
constexpr int kListPage = limits::kPageSizeMax;
constexpr Millis kNoTimeout = Millis::max();

std::shared_ptr<grpc::Channel> MakeChannel(const Address& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kReconnectFirstMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kReconnectMaxMs);
  // A new channel is a new connection, not one shared with the channel before it.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_CHANNELZ, 0);
  // $http_proxy is meant for the web, and would be handed the token.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  // A page of processes with large environments is larger than the default of 4 MiB.
  arguments.SetMaxReceiveMessageSize(-1);
  return grpc::CreateCustomChannel(address.ToString(), grpc::InsecureChannelCredentials(),
                                   arguments);
}

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  return StatusFromWire(status.error_code(), status.error_message(), status.error_details());
}

bool IsTokenRefused(const absl::Status& status) {
  return absl::IsUnauthenticated(status) && ReasonOf(status) == "TOKEN_INVALID";
}

std::string Seconds(Millis time) {
  return time.count() % 1000 == 0 ? absl::StrCat(time.count() / 1000, " s")
                                  : absl::StrCat(time.count(), " ms");
}

}  // namespace

struct Client::Connection {
  explicit Connection(const Address& address)
      : channel(MakeChannel(address)), auth(channel), processes(channel), system(channel) {}

  std::shared_ptr<grpc::Channel> channel;
  v1::AuthService::Stub auth;
  v1::ProcessService::Stub processes;
  v1::SystemService::Stub system;
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

Client::Client(Address address, ClientOptions options)
    : address_(std::move(address)),
      options_(std::move(options)),
      in_flight_(std::make_unique<InFlight>()) {}

Client::~Client() = default;

void Client::BeginCommand() {
  in_flight_->state.Lock()->cancelled = false;
  connection_.Lock()->reset();
}

void Client::Cancel() {
  auto state = in_flight_->state.Lock();
  state->cancelled = true;
  for (grpc::ClientContext* context : state->contexts) context->TryCancel();
}

std::shared_ptr<Client::Connection> Client::Connected() {
  auto access = connection_.Lock();
  std::shared_ptr<Connection>& connection = *access;
  // A channel that failed waits before it tries again; a new one tries at once.
  if (connection && connection->channel->GetState(false) == GRPC_CHANNEL_TRANSIENT_FAILURE) {
    connection.reset();
  }
  if (!connection) connection = std::make_shared<Connection>(address_);
  return connection;
}

absl::Status Client::Away(const std::string& why) const {
  std::string cure = "Start it with `make run`, or `grpc-os-init --data-dir DIR`";
  constexpr std::string_view kSocket = "/run/api.sock";
  if (address_.path.ends_with(kSocket) && address_.path.size() > kSocket.size()) {
    const std::string directory = address_.path.substr(0, address_.path.size() - kSocket.size());
    cure = absl::StrCat("Start it with `make run`, or `grpc-os-init --data-dir ", directory, "`");
  }
  return absl::UnavailableError(absl::StrCat("gRPC OS does not answer at ", address_.ToString(),
                                             " (", why, "). ", cure,
                                             "; `--address` names another place."));
}

absl::Status Client::NotLoggedIn(const std::string& message) const {
  return MakeError(absl::StatusCode::kUnauthenticated, message, {.reason = "NOT_LOGGED_IN"});
}

absl::StatusOr<std::string> Client::Token() {
  const std::lock_guard<std::mutex> one(log_in_);
  if (const std::string known = *token_.Lock(); !known.empty()) return known;
  auto kept = TokenFile(options_.state_directory, address_.ToString()).Read();
  if (!kept.ok()) return kept.status();
  if (kept->logged_out) return NotLoggedIn("You are logged out. `login` logs in again.");
  if (!kept->token.empty()) return *token_.Lock() = kept->token;
  if (!address_.is_unix) {
    return NotLoggedIn(absl::StrCat("You are not logged in at ", address_.ToString(),
                                    ", and over TCP the daemon cannot see which account calls. Use "
                                    "the local socket: `--address unix:DIR/run/api.sock`."));
  }
  const auto response = LoginPeer();
  if (!response.ok()) return response.status();
  return response->access_token();
}

absl::StatusOr<std::string> Client::TokenAfter(const std::string& refused) {
  const std::lock_guard<std::mutex> one(log_in_);
  // Another thread may have renewed it.
  if (const std::string known = *token_.Lock(); !known.empty() && known != refused) return known;
  auto kept = TokenFile(options_.state_directory, address_.ToString()).Read();
  if (!kept.ok()) return kept.status();
  token_.Lock()->clear();
  if (kept->logged_out) return NotLoggedIn("You are logged out. `login` logs in again.");
  // Another program may have.
  if (!kept->token.empty() && kept->token != refused) return *token_.Lock() = kept->token;
  if (!address_.is_unix) return NotLoggedIn("The log-in has expired, or was ended elsewhere.");
  const auto response = LoginPeer();
  if (!response.ok()) return response.status();
  return response->access_token();
}

absl::Status Client::WithToken(const std::function<absl::Status(const std::string&)>& call) {
  const auto token = Token();
  if (!token.ok()) return token.status();
  absl::Status status = call(*token);
  if (!IsTokenRefused(status)) return status;
  const auto renewed = TokenAfter(*token);
  if (!renewed.ok()) return renewed.status();
  return call(*renewed);
}

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
  if (in_flight_->IsCancelled()) return absl::CancelledError("Interrupted.");
  absl::Status error = FromGrpc(status);
  if (IsDaemonAway(error)) return Away(status.error_message());
  if (absl::IsDeadlineExceeded(error) && ReasonOf(error).empty()) {
    if (connection->channel->GetState(false) != GRPC_CHANNEL_READY) {
      return Away(absl::StrCat("no connection within ", Seconds(timeout)));
    }
    return absl::DeadlineExceededError(
        absl::StrCat("No answer within ", Seconds(timeout),
                     "; the work may still be done. `--timeout SECONDS` waits longer."));
  }
  return error;
}

absl::StatusOr<v1::LoginResponse> Client::LoginPeer(absl::Status* not_kept) {
  if (!address_.is_unix) {
    return absl::FailedPreconditionError(
        absl::StrCat("Over TCP (", address_.ToString(),
                     ") the daemon cannot see which account calls. Use the local socket: "
                     "`--address unix:DIR/run/api.sock`."));
  }
  if (in_flight_->IsCancelled()) return absl::CancelledError("Interrupted.");
  auto ticket = FetchPeerTicket(address_.PeerSocketPath(), options_.timeout);
  if (absl::IsUnavailable(ticket.status())) return Away(std::string(ticket.status().message()));
  if (!ticket.ok()) return ticket.status();

  v1::LoginPeerRequest request;
  request.set_ticket(*ticket);
  auto response = Call<v1::LoginPeerRequest, v1::LoginResponse>(
      [](Connection& c, auto&&... a) { return c.auth.LoginPeer(a...); }, request, options_.timeout,
      "");
  if (!response.ok()) return response.status();
  *token_.Lock() = response->access_token();
  const auto kept =
      TokenFile(options_.state_directory, address_.ToString()).WriteToken(response->access_token());
  if (not_kept != nullptr) *not_kept = kept;
  return response;
}

absl::Status Client::Logout() {
  const TokenFile file(options_.state_directory, address_.ToString());
  std::string token = std::exchange(*token_.Lock(), "");
  if (token.empty()) {
    if (const auto kept = file.Read(); kept.ok()) token = kept->token;
  }
  absl::Status told = absl::OkStatus();
  if (!token.empty()) {
    told = Call<v1::LogoutRequest, v1::LogoutResponse>(
               [](Connection& c, auto&&... a) { return c.auth.Logout(a...); }, v1::LogoutRequest(),
               options_.timeout, token)
               .status();
    if (absl::IsUnauthenticated(told)) told = absl::OkStatus();  // it had ended already
  }
  const absl::Status kept = file.WriteLoggedOut();
  return told.ok() ? kept : told;
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

absl::StatusOr<v1::WhoAmIResponse> Client::WhoAmI() {
  return CallWithToken<v1::WhoAmIRequest, v1::WhoAmIResponse>(
      [](Connection& c, auto&&... a) { return c.auth.WhoAmI(a...); }, {}, options_.timeout);
}

absl::StatusOr<v1::Process> Client::GetProcess(const std::string& name) {
  v1::GetProcessRequest request;
  request.set_name(name);
  return CallWithToken<v1::GetProcessRequest, v1::Process>(
      [](Connection& c, auto&&... a) { return c.processes.GetProcess(a...); }, request,
      options_.timeout);
}

absl::StatusOr<v1::ListProcessesResponse> Client::ListProcesses() {
  v1::ListProcessesResponse all;
  v1::ListProcessesRequest request;
  request.set_page_size(kListPage);
  do {
    auto page = CallWithToken<v1::ListProcessesRequest, v1::ListProcessesResponse>(
        [](Connection& c, auto&&... a) { return c.processes.ListProcesses(a...); }, request,
        options_.timeout);
    if (!page.ok()) return page.status();
    request.set_page_token(page->next_page_token());
    for (v1::Process& process : *page->mutable_processes()) {
      all.mutable_processes()->Add(std::move(process));
    }
    all.set_revision(page->revision());
  } while (!request.page_token().empty());
  return all;
}

absl::StatusOr<v1::Process> Client::CreateProcess(const v1::CreateProcessRequest& request) {
  return CallWithToken<v1::CreateProcessRequest, v1::Process>(
      [](Connection& c, auto&&... a) { return c.processes.CreateProcess(a...); }, request,
      options_.timeout);
}

absl::StatusOr<v1::Process> Client::UpdateProcess(const v1::UpdateProcessRequest& request) {
  return CallWithToken<v1::UpdateProcessRequest, v1::Process>(
      [](Connection& c, auto&&... a) { return c.processes.UpdateProcess(a...); }, request,
      options_.timeout);
}

absl::StatusOr<v1::DeleteProcessResponse> Client::DeleteProcess(
    const v1::DeleteProcessRequest& request, Timeout timeout) {
  return CallWithToken<v1::DeleteProcessRequest, v1::DeleteProcessResponse>(
      [](Connection& c, auto&&... a) { return c.processes.DeleteProcess(a...); }, request, timeout);
}

absl::StatusOr<v1::Process> Client::StartProcess(const v1::StartProcessRequest& request) {
  return CallWithToken<v1::StartProcessRequest, v1::Process>(
      [](Connection& c, auto&&... a) { return c.processes.StartProcess(a...); }, request,
      options_.timeout);
}

absl::StatusOr<v1::Process> Client::StopProcess(const v1::StopProcessRequest& request,
                                                Timeout timeout) {
  return CallWithToken<v1::StopProcessRequest, v1::Process>(
      [](Connection& c, auto&&... a) { return c.processes.StopProcess(a...); }, request, timeout);
}

absl::StatusOr<v1::Process> Client::RestartProcess(const v1::RestartProcessRequest& request,
                                                   Timeout timeout) {
  return CallWithToken<v1::RestartProcessRequest, v1::Process>(
      [](Connection& c, auto&&... a) { return c.processes.RestartProcess(a...); }, request,
      timeout);
}

absl::StatusOr<v1::SignalProcessResponse> Client::SignalProcess(
    const v1::SignalProcessRequest& request) {
  return CallWithToken<v1::SignalProcessRequest, v1::SignalProcessResponse>(
      [](Connection& c, auto&&... a) { return c.processes.SignalProcess(a...); }, request,
      options_.timeout);
}

absl::StatusOr<v1::WaitProcessResponse> Client::WaitProcess(const v1::WaitProcessRequest& request) {
  const Millis wait(request.timeout().seconds() * 1000 + request.timeout().nanos() / 1'000'000);
  return CallWithToken<v1::WaitProcessRequest, v1::WaitProcessResponse>(
      [](Connection& c, auto&&... a) { return c.processes.WaitProcess(a...); }, request,
      options_.timeout + wait);
}

absl::StatusOr<v1::System> Client::GetSystem() {
  return CallWithToken<v1::GetSystemRequest, v1::System>(
      [](Connection& c, auto&&... a) { return c.system.GetSystem(a...); }, {}, options_.timeout);
}

absl::Status Client::TailLogs(const v1::TailLogsRequest& request,
                              const std::function<bool(const v1::TailLogsResponse&)>& on_message) {
  bool any = false;
  bool enough = false;
  const auto stream = [&](Connection& connection, grpc::ClientContext* context,
                          const v1::TailLogsRequest& tail, v1::TailLogsResponse* message) {
    auto reader = connection.processes.TailLogs(context, tail);
    while (!enough && reader->Read(message)) {
      any = true;
      if (!on_message(*message)) enough = true;
    }
    if (enough) context->TryCancel();
    const grpc::Status status = reader->Finish();
    return enough ? grpc::Status::OK : status;
  };
  // A stream that was cut after its first message is for the caller to resume with its cursor.
  absl::Status cut = absl::OkStatus();
  const absl::Status status = WithToken([&](const std::string& token) {
    auto result = Call<v1::TailLogsRequest, v1::TailLogsResponse>(
        stream, request, request.follow() ? kNoTimeout : options_.timeout, token);
    if (any && !result.ok()) {
      cut = result.status();
      return absl::OkStatus();
    }
    return result.status();
  });
  return status.ok() ? cut : status;
}

}  // namespace grpc_os::client
