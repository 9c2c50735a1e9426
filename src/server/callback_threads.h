// How many threads gRPC calls us on.
#ifndef GRPC_OS_SERVER_CALLBACK_THREADS_H_
#define GRPC_OS_SERVER_CALLBACK_THREADS_H_

#include <grpcpp/server.h>

#include <memory>

namespace grpc_os::server {

// gRPC 1.51 polls for callbacks on half as many threads as there are processors, and on two at
// least. They take turns: whoever gets something to do hands the polling to another, by a futex and
// a switch, with nearly every call. Where two processors at most serve everything, one thread for
// all callbacks is faster, and steadier (docs/PERFORMANCE.md), so the second is put to rest there.
// Elsewhere nothing is changed.
//
// All servers and clients of the process share these threads, so there is at most one such rest.
class RestingThread {
 public:
  // Asks for a thread by a call within the process that `server` does not know. Null where all
  // threads go on.
  static std::unique_ptr<RestingThread> Rest(grpc::Server& server);
  // It goes on. Before `server` is shut down.
  ~RestingThread();

 private:
  struct Call;
  explicit RestingThread(std::shared_ptr<Call> call) : call_(std::move(call)) {}

  const std::shared_ptr<Call> call_;
};

}  // namespace grpc_os::server

#endif  // GRPC_OS_SERVER_CALLBACK_THREADS_H_
