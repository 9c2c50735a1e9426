#include "gateway/http_server.h"

#include <microhttpd.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <mutex>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/guarded.h"
#include "base/limits.h"

namespace grpc_os::gateway {
namespace {

constexpr int kBacklog = 128;

HttpResponse Refusal(int status, const std::string& why) {
  return {.status = status, .body = why + "\n"};
}

MHD_Result Queue(MHD_Connection* connection, const HttpResponse& response) {
  // MHD copies the body, and only reads it.
  MHD_Response* out = MHD_create_response_from_buffer(
      response.body.size(), const_cast<char*>(response.body.data()), MHD_RESPMEM_MUST_COPY);
  if (out == nullptr) return MHD_NO;
  MHD_add_response_header(out, MHD_HTTP_HEADER_CONTENT_TYPE, response.content_type.c_str());
  MHD_add_response_header(out, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
  MHD_add_response_header(out, "X-Content-Type-Options", "nosniff");
  if (response.status == MHD_HTTP_METHOD_NOT_ALLOWED)
    MHD_add_response_header(out, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
  const MHD_Result result =
      MHD_queue_response(connection, static_cast<unsigned>(response.status), out);
  MHD_destroy_response(out);
  return result;
}

// The value of a header that comes once; nullopt if it does not come, or more than once (which
// could mean two different things to two readers).
std::optional<std::string> OnlyHeader(MHD_Connection* connection, const char* name) {
  struct Search {
    const char* name;
    int found = 0;
    std::string value;
  } search{name, 0, ""};
  MHD_get_connection_values(
      connection, MHD_HEADER_KIND,
      [](void* context, MHD_ValueKind, const char* key, const char* value) {
        auto* in = static_cast<Search*>(context);
        if (absl::EqualsIgnoreCase(key, in->name)) {
          ++in->found;
          in->value = value == nullptr ? "" : value;
        }
        return MHD_YES;
      },
      &search);
  if (search.found != 1) return std::nullopt;
  return std::move(search.value);
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  absl::AsciiStrToLower(&lower);
  return lower;
}

bool HasHeader(MHD_Connection* connection, const char* name) {
  return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name) != nullptr;
}

}  // namespace

bool IsLoopbackHost(std::string_view host) {
  const size_t bracket = host.find(']');
  const size_t colon = host.find(':', bracket == std::string_view::npos ? 0 : bracket);
  const std::string_view name = host.substr(0, colon);
  if (colon != std::string_view::npos) {
    const std::string_view port = host.substr(colon + 1);
    if (port.empty() || port.size() > 5 ||
        port.find_first_not_of("0123456789") != std::string_view::npos)
      return false;
  }
  return Lower(name) == "localhost" || name == "127.0.0.1" || name == "[::1]";
}

class HttpServer::Impl {
 public:
  explicit Impl(std::vector<Route> routes) : routes_(std::move(routes)) {}
  ~Impl() { Stop(); }

  absl::Status Start(UniqueFd listener) {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    daemon_ = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0, nullptr, nullptr, &OnRequest,
        this, MHD_OPTION_LISTEN_SOCKET, listener.get(), MHD_OPTION_CONNECTION_LIMIT,
        static_cast<unsigned>(limits::kHttpConnections), MHD_OPTION_CONNECTION_TIMEOUT,
        static_cast<unsigned>(limits::kHttpIdleMs / 1000), MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        static_cast<size_t>(limits::kHttpRequestBytes), MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_NOTIFY_COMPLETED, &OnCompleted, this, MHD_OPTION_END);
    if (daemon_ == nullptr)
      return absl::InternalError(
          "the HTTP server did not start; is memory, or are threads, short?");
    (void)listener.Release();  // MHD closes it
    return absl::OkStatus();
  }

  int port() const { return port_; }

 private:
  // The connection is suspended until it is answered.
  class Exchange final : public HttpExchange {
   public:
    Exchange(MHD_Connection* connection, const Route* route)
        : connection_(connection), route_(route) {}

    // Null from the second time on. For the server's thread only.
    const Route* TakeRoute() { return std::exchange(route_, nullptr); }

    void Answer(std::function<HttpResponse()> make) override {
      std::lock_guard lock(mutex_);
      if (make_ != nullptr || gone_) return;
      make_ = std::move(make);
      MHD_resume_connection(connection_);
    }
    HttpResponse Make() {
      std::lock_guard lock(mutex_);
      return make_();
    }
    void Leave() {
      std::lock_guard lock(mutex_);
      gone_ = true;
    }

   private:
    std::mutex mutex_;
    MHD_Connection* const connection_;
    const Route* route_;
    std::function<HttpResponse()> make_;
    bool gone_ = false;
  };
  using Pending = std::shared_ptr<Exchange>;
  struct State {
    bool stopping = false;
    std::set<Pending> pending;
  };

  // MHD calls it when the headers have come, when all has come, and again after the connection was
  // resumed. (What is queued at the headers closes the connection: right for refusals only.)
  // `context` is null at first.
  static MHD_Result OnRequest(void* self, MHD_Connection* connection, const char* path,
                              const char* method, const char*, const char*, size_t*,
                              void** context) {
    auto* impl = static_cast<Impl*>(self);
    if (*context == nullptr) return impl->OnHeaders(connection, path, method, context);
    const Pending& exchange = *static_cast<Pending*>(*context);
    const Route* route = exchange->TakeRoute();
    if (route == nullptr) return Queue(connection, exchange->Make());
    return impl->Begin(connection, *route, exchange);
  }

  MHD_Result OnHeaders(MHD_Connection* connection, std::string_view path, std::string_view method,
                       void** context) const {
    const Route* route = nullptr;
    if (const auto refusal = Check(connection, path, method, route))
      return Queue(connection, *refusal);
    *context = new Pending(std::make_shared<Exchange>(connection, route));
    return MHD_YES;
  }

  MHD_Result Begin(MHD_Connection* connection, const Route& route, const Pending& exchange) {
    {
      auto state = state_.Lock();
      if (state->stopping) return Queue(connection, ShuttingDown());
      state->pending.insert(exchange);
      MHD_suspend_connection(connection);
    }
    route.handle(exchange);
    return MHD_YES;
  }

  std::optional<HttpResponse> Check(MHD_Connection* connection, std::string_view path,
                                    std::string_view method, const Route*& route) const {
    const auto host = OnlyHeader(connection, MHD_HTTP_HEADER_HOST);
    if (!host.has_value() || !IsLoopbackHost(*host)) {
      return Refusal(
          MHD_HTTP_FORBIDDEN,
          "The Host header must be localhost, 127.0.0.1 or [::1]; ask for one of these.");
    }
    for (const Route& one : routes_) {
      if (one.path == path) route = &one;
    }
    if (route == nullptr) {
      return Refusal(
          MHD_HTTP_NOT_FOUND,
          absl::StrCat("There is no such page here; there is ",
                       absl::StrJoin(routes_, ", ",
                                     [](std::string* out, const Route& r) { out->append(r.path); }),
                       "."));
    }
    if (method != MHD_HTTP_METHOD_GET && method != MHD_HTTP_METHOD_HEAD)
      return Refusal(MHD_HTTP_METHOD_NOT_ALLOWED, "This page takes GET and HEAD only.");
    if (HasHeader(connection, MHD_HTTP_HEADER_TRANSFER_ENCODING) ||
        OnlyHeader(connection, MHD_HTTP_HEADER_CONTENT_LENGTH).value_or("0") != "0")
      return Refusal(MHD_HTTP_BAD_REQUEST, "This page takes no body; send the request without.");
    return std::nullopt;
  }

  static HttpResponse ShuttingDown() {
    return Refusal(MHD_HTTP_SERVICE_UNAVAILABLE,
                   "gRPC OS is shutting down or being replaced; try again in a moment.");
  }

  // Of a request that was answered or whose client has gone.
  static void OnCompleted(void* self, MHD_Connection*, void** context, MHD_RequestTerminationCode) {
    if (*context == nullptr) return;
    const std::unique_ptr<Pending> pending(static_cast<Pending*>(std::exchange(*context, nullptr)));
    (*pending)->Leave();
    static_cast<Impl*>(self)->state_.Lock()->pending.erase(*pending);
  }

  void Stop() {
    if (daemon_ == nullptr) return;
    std::set<Pending> unanswered;
    {
      auto state = state_.Lock();
      state->stopping = true;  // from here on none is suspended: MHD wants none at its end
      unanswered = state->pending;
    }
    for (const Pending& exchange : unanswered) exchange->Answer(&ShuttingDown);
    MHD_stop_daemon(daemon_);
    daemon_ = nullptr;
  }

  const std::vector<Route> routes_;
  MHD_Daemon* daemon_ = nullptr;
  int port_ = 0;
  Guarded<State> state_;
};

absl::StatusOr<UniqueFd> HttpServer::Listen(int port) {
  UniqueFd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int yes = 1;  // a port that was left a moment ago is free
  setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  // Two may bind; only one may listen.
  if (bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
      listen(listener.get(), kBacklog) == 0)
    return listener;
  return absl::UnavailableError(absl::StrCat(
      "cannot listen on 127.0.0.1:", port, " for HTTP",
      errno == EADDRINUSE ? "; another program has the port" : absl::StrCat(": ", strerror(errno)),
      ": choose one with HTTP_PORT=… in .env or --http-port (0: any)"));
}

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

HttpServer::~HttpServer() = default;

int HttpServer::port() const { return impl_->port(); }

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(UniqueFd listener,
                                                              std::vector<Route> routes) {
  auto impl = std::make_unique<Impl>(std::move(routes));
  if (absl::Status status = impl->Start(std::move(listener)); !status.ok()) return status;
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

}  // namespace grpc_os::gateway
