// Accepts connections, also while descriptors are short.
#ifndef GRPC_OS_BASE_ACCEPTOR_H_
#define GRPC_OS_BASE_ACCEPTOR_H_

#include <functional>

#include "base/event_loop.h"
#include "base/unique_fd.h"

namespace grpc_os {

// Watches a listening socket on a loop. Without a free descriptor accept() fails and the connection
// stays in the queue, so that a loop would be woken for it without end: one descriptor is kept
// spare, and given up for as long as it takes to accept that connection and to close it. So nobody
// waits in vain, and the program hears again as soon as it can. Lives on the loop's thread.
class Acceptor {
 public:
  // `take` owns what is accepted (CLOEXEC, not blocking). It may not destroy this object.
  Acceptor(EventLoop& loop, UniqueFd listener, std::function<void(UniqueFd)> take);
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;
  ~Acceptor();

  // Accepts all that wait, before it ends.
  void TakeWaiting();

 private:
  // Some; false: none waits any more, or none can be accepted now.
  bool Accept();
  // Accepts one and closes it. False: not even the spare descriptor was enough.
  bool RefuseOne();
  void Pause();

  EventLoop& loop_;
  const UniqueFd listener_;
  const std::function<void(UniqueFd)> take_;
  UniqueFd spare_;
  EventLoop::TimerId timer_ = 0;
};

}  // namespace grpc_os

#endif  // GRPC_OS_BASE_ACCEPTOR_H_
