// The gRPC server of the API: its sockets, health, reflection, its graceful end.
#ifndef GRPC_OS_SERVER_GRPC_SERVER_H_
#define GRPC_OS_SERVER_GRPC_SERVER_H_

#include <cstdint>
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
    int port = 50051;         // on 127.0.0.1; 0: any free one
    transport::Server::Options transport = {};
  };
  // Listens at once; calls begin in `handlers`, which outlives it. UNAVAILABLE, naming the cure, if
  // the port or the path is taken.
  static absl::StatusOr<std::unique_ptr<GrpcServer>> Start(Options options,
                                                           const services::Handlers& handlers);
  // Whether that port of 127.0.0.1 can be had now. UNAVAILABLE, naming the cure, if not.
  static absl::Status CheckPort(int port);

  int port() const { return port_; }
  // grpc.health.v1: SERVING or NOT_SERVING for all services.
  void SetServing(bool serving) { health_.SetServing(serving); }
  // Refuses new calls, waits at most `grace_ms` for those in progress, then cuts them.
  void Stop(int64_t grace_ms) { transport_->Stop(grace_ms); }
  const transport::Server& transport() const { return *transport_; }

 private:
  GrpcServer() = default;

  Health health_;
  int port_ = 0;
  std::unique_ptr<transport::Server> transport_;  // last: it uses the others
};

}  // namespace grpc_os::server

#endif  // GRPC_OS_SERVER_GRPC_SERVER_H_
