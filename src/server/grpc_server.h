// The gRPC server of the API: its sockets, health, reflection, its graceful end.
#ifndef GRPC_OS_SERVER_GRPC_SERVER_H_
#define GRPC_OS_SERVER_GRPC_SERVER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/health.h"
#include "services/handlers.h"
#include "transport/server.h"

namespace grpc_os::server {

class GrpcServer {
 public:
  struct Options {
    std::string socket_path;  // at most limits::kSocketPathBytes; whoever calls holds the lock on
                              // the directory
    std::string edge_socket_path;  // as well, in a directory of the edge's; empty: none
    UniqueFd loopback;             // of ListenOnLoopback
    UniqueFd tls_listener;         // of ListenTls; none: no TLS
    std::unique_ptr<transport::TlsContext> tls;  // of that listener
    transport::Server::Options transport;        // without each_second
    // Which thread of the daemon does not get on, as a clause; empty: all do. Called each second,
    // on a thread of the transport.
    std::function<std::string()> stuck = [] { return std::string(); };
  };
  // Takes connections at once; calls begin in `handlers`, which outlives it. UNAVAILABLE: the path
  // of the socket cannot be had.
  static absl::StatusOr<std::unique_ptr<GrpcServer>> Start(Options options,
                                                           const services::Handlers& handlers);
  // On 127.0.0.1, or by TLS on any address; port 0: any free one. UNAVAILABLE, naming the cure: the
  // port is taken.
  static absl::StatusOr<UniqueFd> ListenOnLoopback(int port);
  static absl::StatusOr<UniqueFd> ListenTls(const std::string& address, int port);

  // grpc.health.v1: SERVING or NOT_SERVING for all services.
  void SetServing(bool serving) { health_.SetServing(serving); }
  // Refuses new calls, waits at most `grace_ms` for those in progress, then cuts them.
  void Stop(int64_t grace_ms) { transport_->Stop(grace_ms); }
  const transport::Server& transport() const { return *transport_; }

 private:
  GrpcServer() = default;

  Health health_;
  std::unique_ptr<transport::Server> transport_;  // last: it uses the others
};

}  // namespace grpc_os::server

#endif  // GRPC_OS_SERVER_GRPC_SERVER_H_
