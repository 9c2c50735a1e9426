#include "init/reaper.h"

#include <signal.h>
#include <sys/wait.h>

#include <utility>

namespace grpc_os::init {

void Reaper::Expect(pid_t child, std::function<void(int)> on_end) {
  expected_[child] = std::move(on_end);
}

void Reaper::Signal(pid_t child, int signal) const {
  if (expected_.count(child) > 0) kill(child, signal);
}

void Reaper::Reap() {
  int status = 0;
  pid_t child = 0;
  while ((child = waitpid(-1, &status, WNOHANG)) > 0) {
    auto node = expected_.extract(child);
    if (!node.empty()) node.mapped()(status);
  }
}

}  // namespace grpc_os::init
