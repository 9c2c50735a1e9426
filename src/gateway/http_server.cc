#include "gateway/http_server.h"

#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string_view>
#include <thread>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/event_loop.h"
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
  Impl(std::vector<Route> routes, const Limits& limits)
      : routes_(std::move(routes)), limits_(limits) {}
  ~Impl() { Stop(); }

  absl::Status Start(UniqueFd listener) {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    daemon_ = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, nullptr, nullptr, &OnRequest, this,
        MHD_OPTION_LISTEN_SOCKET, listener.get(), MHD_OPTION_CONNECTION_LIMIT,
        static_cast<unsigned>(limits_.connections), MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        static_cast<size_t>(limits::kHttpRequestBytes), MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_NOTIFY_COMPLETED, &OnCompleted, this, MHD_OPTION_NOTIFY_CONNECTION,
        &OnConnection, this, MHD_OPTION_END);
    if (daemon_ == nullptr)
      return absl::InternalError("the HTTP server did not start; is memory short?");
    (void)listener.Release();  // MHD closes it
    loop_.Watch(MHD_get_daemon_info(daemon_, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd, EPOLLIN,
                [this](uint32_t) { Turn(); });
    thread_ = std::thread([this] {
      pthread_setname_np(pthread_self(), "gateway");
      loop_.Run();
    });
    return absl::OkStatus();
  }

  int port() const { return port_; }

 private:
  // The connection is suspended until it is answered.
  class Exchange final : public HttpExchange {
   public:
    Exchange(Impl& server, MHD_Connection* connection, const Route* route)
        : server_(server), connection_(connection), route_(route) {}

    // Null from the second time on. For the server's thread only.
    const Route* TakeRoute() { return std::exchange(route_, nullptr); }

    void Answer(std::function<HttpResponse()> make) override {
      std::lock_guard lock(mutex_);
      if (make_ != nullptr || gone_) return;
      make_ = std::move(make);
      MHD_resume_connection(connection_);
      server_.TurnSoon();
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
    Impl& server_;  // is there until `gone_`
    MHD_Connection* const connection_;
    const Route* route_;
    std::function<HttpResponse()> make_;
    bool gone_ = false;
  };
  using Pending = std::shared_ptr<Exchange>;
  // As MHD has it; of the server's thread.
  struct Client {
    int fd = -1;
    bool waits_for_us = false;  // its request is being answered
    bool cut = false;
    int64_t since_ms = EventLoop::NowMs();  // we wait for it
  };
  struct State {
    bool stopping = false;
    std::set<Pending> pending;
  };

  void Turn() {
    MHD_run(daemon_);
    KeepOnePlace();
    // It has more to do, of which its descriptors say nothing.
    MHD_UNSIGNED_LONG_LONG wait = 0;
    if (MHD_get_timeout(daemon_, &wait) == MHD_YES && wait == 0) TurnSoon();
  }
  void TurnSoon() {
    loop_.Post([this] { Turn(); });
  }

  static void OnConnection(void* self, MHD_Connection* connection, void**,
                           MHD_ConnectionNotificationCode code) {
    auto* impl = static_cast<Impl*>(self);
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
      impl->clients_.erase(connection);
      // MHD looks only in its next turn whether it may accept again.
      impl->TurnSoon();
      return;
    }
    Client& client = impl->clients_[connection];
    client.fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    impl->ArmTimer();
  }

  // Who has sent what was not read yet is not at fault.
  void KeepOnePlace() {
    if (clients_.size() < static_cast<size_t>(limits_.connections)) return;
    Client* oldest = nullptr;
    for (auto& [connection, client] : clients_) {
      char byte = 0;
      if (client.waits_for_us || client.cut ||
          recv(client.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0) {
        continue;
      }
      if (oldest == nullptr || client.since_ms < oldest->since_ms) oldest = &client;
    }
    if (oldest != nullptr) Cut(*oldest);
  }

  // MHD sees an end, and closes.
  static void Cut(Client& client) {
    client.cut = true;
    shutdown(client.fd, SHUT_RDWR);
  }

  void ArmTimer() {
    if (timer_ != 0 || clients_.empty()) return;
    const int64_t now_ms = EventLoop::NowMs();
    int64_t wait_ms = limits_.request_ms;
    for (auto& [connection, client] : clients_) {
      if (client.waits_for_us || client.cut) continue;
      wait_ms = std::min(wait_ms, client.since_ms + limits_.request_ms - now_ms);
    }
    timer_ = loop_.After(wait_ms, [this] {
      timer_ = 0;
      for (auto& [connection, client] : clients_) {
        if (client.waits_for_us || client.cut ||
            EventLoop::NowMs() < client.since_ms + limits_.request_ms) {
          continue;
        }
        Cut(client);
      }
      ArmTimer();
    });
  }

  void WaitFor(MHD_Connection* connection, bool for_us) {
    Client& client = clients_.at(connection);
    client.waits_for_us = for_us;
    client.since_ms = EventLoop::NowMs();
  }

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
    if (route == nullptr) {
      impl->WaitFor(connection, false);
      return Queue(connection, exchange->Make());
    }
    return impl->Begin(connection, *route, exchange);
  }

  MHD_Result OnHeaders(MHD_Connection* connection, std::string_view path, std::string_view method,
                       void** context) {
    const Route* route = nullptr;
    if (const auto refusal = Check(connection, path, method, route))
      return Queue(connection, *refusal);
    *context = new Pending(std::make_shared<Exchange>(*this, connection, route));
    return MHD_YES;
  }

  MHD_Result Begin(MHD_Connection* connection, const Route& route, const Pending& exchange) {
    {
      auto state = state_.Lock();
      if (state->stopping) return Queue(connection, ShuttingDown());
      state->pending.insert(exchange);
      WaitFor(connection, true);
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
  static void OnCompleted(void* self, MHD_Connection* connection, void** context,
                          MHD_RequestTerminationCode) {
    static_cast<Impl*>(self)->WaitFor(connection, false);
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
    loop_.Stop();
    thread_.join();
    loop_.Unwatch(MHD_get_daemon_info(daemon_, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd);
    MHD_stop_daemon(daemon_);
    daemon_ = nullptr;
  }

  const std::vector<Route> routes_;
  const Limits limits_;
  MHD_Daemon* daemon_ = nullptr;
  int port_ = 0;
  EventLoop loop_;  // of the server's thread, as are these
  std::map<MHD_Connection*, Client> clients_;
  EventLoop::TimerId timer_ = 0;
  std::thread thread_;
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
                                                              std::vector<Route> routes,
                                                              const Limits& limits) {
  auto impl = std::make_unique<Impl>(std::move(routes), limits);
  if (absl::Status status = impl->Start(std::move(listener)); !status.ok()) return status;
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

}  // namespace grpc_os::gateway
