// The gRPC server: its sockets, its limits, health, reflection, its graceful end.
#ifndef GRPC_OS_SERVER_GRPC_SERVER_H_
#define GRPC_OS_SERVER_GRPC_SERVER_H_

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/callback_threads.h"
#include "services/handlers.h"

namespace grpc_os::server {

// One in a process.
class GrpcServer {
 public:
  struct Options {
    std::string socket_path;  // at most limits::kSocketPathBytes; whoever calls holds the lock on
                              // the directory
    int port = 50051;         // on 127.0.0.1; 0: any free one
  };
  // Listens at once; calls begin in `handlers`, which outlives it. UNAVAILABLE, naming the cure, if
  // the port or the path is taken.
  static absl::StatusOr<std::unique_ptr<GrpcServer>> Start(const Options& options,
                                                           const services::Handlers& handlers);
  // Whether that port of 127.0.0.1 can be had now. UNAVAILABLE, naming the cure, if not.
  static absl::Status CheckPort(int port);
  ~GrpcServer();

  int port() const { return port_; }
  // Once a second; `calls`: how many there were so far. Thread-safe.
  void Tick(int64_t calls);
  // Every CallbackThreads::kWakeMs. Thread-safe.
  void Wake();
  // grpc.health.v1: SERVING or NOT_SERVING for all services.
  void SetServing(bool serving);
  // Refuses new calls, waits at most `grace_ms` for those in progress, then cuts them.
  void Stop(int64_t grace_ms);

 private:
  GrpcServer() = default;

  std::vector<std::unique_ptr<grpc::Service>> services_;
  std::unique_ptr<grpc::Server> server_;
  std::mutex threads_mutex_;
  std::unique_ptr<CallbackThreads> threads_;
  int port_ = 0;
};

}  // namespace grpc_os::server

#endif  // GRPC_OS_SERVER_GRPC_SERVER_H_
