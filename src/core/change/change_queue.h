// Changes that are made one after the other.
#ifndef GRPC_OS_CORE_CHANGE_CHANGE_QUEUE_H_
#define GRPC_OS_CORE_CHANGE_CHANGE_QUEUE_H_

#include <deque>
#include <functional>

#include "base/guarded.h"

namespace grpc_os::core {

// Each change begins once the one before it is committed or refused, so that it sees what that did.
// Thread-safe; outlives the changes under way.
class ChangeQueue {
 public:
  // Looks at what is committed, commits, and calls `next` once, on any thread, when it was
  // committed or refused.
  using Change = std::function<void(std::function<void()> next)>;
  // May run it at once, on the calling thread: not under a lock that it takes.
  void Enqueue(Change change);
  // Whether a change is under way or waits.
  bool busy() const { return state_.Lock()->running; }

 private:
  void Run();

  struct State {
    std::deque<Change> waiting;
    bool running = false;
  };
  mutable Guarded<State> state_;
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_CHANGE_CHANGE_QUEUE_H_
