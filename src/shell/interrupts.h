// Ctrl-C, and what else ends the program.
#ifndef GRPC_OS_SHELL_INTERRUPTS_H_
#define GRPC_OS_SHELL_INTERRUPTS_H_

#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "base/unique_fd.h"

namespace grpc_os::shell {

// Takes SIGINT in a thread of its own by a signalfd: no handler, nothing to be async-signal-safe.
// SIGTERM and SIGHUP, unless they are ignored, come there too, and end the program as ever.
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

  // While the answer lives, SIGTERM and SIGHUP are a SIGINT at first, and a broken pipe is no
  // signal: whoever has it gives back what the daemon holds for it. Afterwards the program ends by
  // the signal that came, or on a second one at once. On the thread that writes.
  std::shared_ptr<void> FinishFirst();

  // Readable from a SIGINT until Drain.
  int fd() const { return pending_.get(); }
  bool IsPending() const;
  // Forgets what came. True if something had.
  bool Drain();

 private:
  void Run();
  // False: it ends the program.
  bool IsHeld(int signal);

  struct Ending {
    int holders = 0;
    int signal = 0;  // that came meanwhile; 0: none
  };

  const Second second_;
  std::mutex mutex_;
  Ending ending_;  // under mutex_
  UniqueFd signals_;
  UniqueFd pending_;
  UniqueFd stop_;
  std::function<void()> on_interrupt_;
  std::thread thread_;
};

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_INTERRUPTS_H_
