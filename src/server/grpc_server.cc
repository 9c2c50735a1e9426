#include "server/grpc_server.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/call_adapter.h"
#include "server/reflection.h"
#include "transport/listener.h"

namespace grpc_os::server {
namespace {

constexpr char kLoopback[] = "127.0.0.1";

}  // namespace

absl::StatusOr<UniqueFd> GrpcServer::ListenOnLoopback(int port) {
  auto listener = transport::ListenTcp(kLoopback, port);
  if (listener.ok()) return listener;
  return absl::UnavailableError(absl::StrCat("cannot listen on ", kLoopback, ":", port,
                                             "; another program has the port: choose one with "
                                             "GRPC_PORT=… in .env or --grpc-port (0: any)"));
}

absl::StatusOr<UniqueFd> GrpcServer::ListenTls(const std::string& address, int port) {
  auto listener = transport::ListenTcp(address, port);
  if (listener.ok()) return listener;
  return absl::UnavailableError(
      absl::StrCat(std::string(listener.status().message()),
                   "; choose another with GRPC_TLS_ADDRESS and GRPC_TLS_PORT (0: any)"));
}

absl::StatusOr<std::unique_ptr<GrpcServer>> GrpcServer::Start(Options options,
                                                              const services::Handlers& handlers) {
  std::unique_ptr<GrpcServer> out(new GrpcServer());
  auto unix_socket = transport::ListenUnix(options.socket_path);
  if (!unix_socket.ok()) return unix_socket.status();
  std::vector<transport::Server::Endpoint> endpoints;
  endpoints.push_back(
      {.listener = *std::move(unix_socket), .path = options.socket_path, .local = true});
  endpoints.push_back({.listener = std::move(options.loopback)});
  if (!options.edge_socket_path.empty()) {
    auto edge_socket = transport::ListenUnix(options.edge_socket_path);
    if (!edge_socket.ok()) return edge_socket.status();
    endpoints.push_back({.listener = *std::move(edge_socket),
                         .path = options.edge_socket_path,
                         .local = true,
                         .relay = true});
  }
  if (options.tls_listener) {
    endpoints.push_back(
        {.listener = std::move(options.tls_listener), .tls = std::move(options.tls)});
  }
  transport::Methods methods;
  AddApi(handlers, methods);
  out->health_.AddTo(methods);
  AddReflection(methods);
  out->health_.AnswerFor(methods);
  options.transport.user_of = [&handlers](const transport::Stream& stream) {
    return UserOf(handlers, stream);
  };
  options.transport.each_second = [&health = out->health_, stuck = std::move(options.stuck),
                                   say = options.transport.say, was = true]() mutable {
    const std::string now = stuck();
    health.SetStuck(!now.empty());
    if (say && now.empty() != was) {
      say(now.empty() ? "all threads go on: health checks are told SERVING again"
                      : absl::StrCat(now, ": health checks are told NOT_SERVING"));
    }
    was = now.empty();
  };
  out->transport_ = std::make_unique<transport::Server>(std::move(endpoints), std::move(methods),
                                                        std::move(options.transport));
  return out;
}

}  // namespace grpc_os::server
