// Ctrl-C.
#ifndef GRPC_OS_SHELL_INTERRUPTS_H_
#define GRPC_OS_SHELL_INTERRUPTS_H_

#include <functional>
#include <thread>

#include "base/unique_fd.h"

namespace grpc_os::shell {

// Takes SIGINT in a thread of its own by a signalfd: no handler, nothing to be async-signal-safe.
// Make it before any other thread, for all threads must have the signal blocked; one per program.
class Interrupts {
 public:
  enum class Second { kIsLikeTheFirst, kEndsProgram };

  // `second`: whether another SIGINT before Drain ends the program at once with status 130, in
  // case the first was of no use.
  explicit Interrupts(Second second);
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;
  ~Interrupts();

  // Calls `on_interrupt` at each SIGINT, on the own thread. Once.
  void Start(std::function<void()> on_interrupt);
  // Afterwards `on_interrupt` is not called any more, nor under way. The destructor does it too.
  void Stop();

  // Readable from a SIGINT until Drain.
  int fd() const { return pending_.get(); }
  bool IsPending() const;
  // Forgets what came. True if something had.
  bool Drain();

 private:
  void Run();

  const Second second_;
  UniqueFd signals_;
  UniqueFd pending_;
  UniqueFd stop_;
  std::function<void()> on_interrupt_;
  std::thread thread_;
};

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_INTERRUPTS_H_
