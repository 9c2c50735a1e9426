// The ends of children.
#ifndef GRPC_OS_INIT_REAPER_H_
#define GRPC_OS_INIT_REAPER_H_

#include <sys/types.h>

#include <functional>
#include <unordered_map>
#include <vector>

namespace grpc_os::init {

// Collects every child that ends, expected ones and orphans that fell to us. A pid that is expected
// here is surely that child's, ended or not: it is reaped nowhere else and forgotten in the same
// step. Lives on the loop's thread.
class Reaper {
 public:
  Reaper();  // before there is any child of ours

  // `on_end` gets the wait status, once.
  void Expect(pid_t child, std::function<void(int wait_status)> on_end);
  // Signals a child that is expected; nothing if it is not.
  void Signal(pid_t child, int signal) const;
  // Collects all that have ended.
  void Reap();
  // SIGKILL to orphans that fell to us with the end of a supervisor: nobody expects them, and they
  // surely came of a process of ours. Answers those that are there, also as long as they were not
  // collected; when they have been, what they begot has fallen to us in turn.
  std::vector<pid_t> KillStrays() const;

 private:
  // Whatever is our child came of us: we are nobody's init, and came into being without children.
  const bool all_are_ours_;
  std::unordered_map<pid_t, std::function<void(int)>> expected_;
};

}  // namespace grpc_os::init

#endif  // GRPC_OS_INIT_REAPER_H_
