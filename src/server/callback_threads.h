// How many threads gRPC calls us on.
#ifndef GRPC_OS_SERVER_CALLBACK_THREADS_H_
#define GRPC_OS_SERVER_CALLBACK_THREADS_H_

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/server.h>

#include <cstdint>
#include <memory>

namespace grpc_os::server {

// gRPC 1.51 polls for callbacks on half as many threads as there are processors (configured ones),
// and on two at least. Two things of that are mended here
// (docs/decisions/0013-callback-threads.md):
//
// - A thread that has waited for a second in vain sleeps for 100 ms. They do so together, as they
//   began to wait together, and the first call after a silence then waits for them: so they are
//   woken more often than that.
// - They take turns: whoever gets something to do hands the polling to another, by a futex and a
//   switch, with nearly every call. Where there are two processors at most, one thread for all
//   callbacks is faster, and steadier: so the second one rests while many calls come.
//
// All servers and clients of a process share these threads; one instance in a process at a time.
// Not thread-safe.
class CallbackThreads {
 public:
  static constexpr int64_t kWakeMs = 400;
  static constexpr int64_t kManyCalls = 500;  // in a second

  // `server` has callback methods, and outlives this; this ends before its Shutdown.
  explicit CallbackThreads(grpc::Server& server);
  // Waits until no thread rests. Not on a callback thread.
  ~CallbackThreads();

  // Every kWakeMs.
  void Wake();
  // Once a second; `calls`: how many there were so far.
  void Tick(int64_t calls);
  // Whether one is to rest now.
  bool resting() const;

 private:
  class Call;

  grpc::GenericStub stub_;
  std::unique_ptr<Call> wake_;
  int64_t calls_ = 0;
  std::unique_ptr<Call> rest_;
};

}  // namespace grpc_os::server

#endif  // GRPC_OS_SERVER_CALLBACK_THREADS_H_
