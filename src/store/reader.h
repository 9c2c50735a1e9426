// The thread that reads while the daemon serves.
#ifndef GRPC_OS_STORE_READER_H_
#define GRPC_OS_STORE_READER_H_

#include <cstdint>
#include <memory>
#include <thread>

#include "absl/status/status.h"
#include "core/event/event.h"
#include "store/database.h"
#include "store/work_queue.h"

namespace grpc_os::store {

// Answers ReadEvents in their order, each from one snapshot of what is committed. Thread-safe.
class Reader {
 public:
  // `connection` is used by the reader's thread only, after this.
  Reader(std::unique_ptr<Connection> connection, const Dialect& dialect);
  ~Reader();

  // Answers everything that was asked, takes nothing more, and ends the thread.
  void Finish();

  // Never blocks. If it is refused (RESOURCE_EXHAUSTED: the queue is full; UNAVAILABLE: shutting
  // down), `done` is called at once, on the calling thread.
  void ReadEvents(int64_t after, int limit, core::EventLog::ReadDone done);

 private:
  struct Request {
    int64_t after;
    int limit;
    core::EventLog::ReadDone done;
  };
  void Run();
  absl::StatusOr<std::vector<core::Event>> Read(const Request& request);

  const std::unique_ptr<Connection> connection_;
  const Dialect& dialect_;
  WorkQueue<Request> queue_;
  std::thread thread_;
};

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_READER_H_
