#include "core/change/change_queue.h"

#include <atomic>
#include <memory>
#include <utility>

namespace grpc_os::core {

void ChangeQueue::Enqueue(Change change) {
  {
    auto state = state_.Lock();
    state->waiting.push_back(std::move(change));
    if (std::exchange(state->running, true)) return;
  }
  Run();
}

void ChangeQueue::Run() {
  for (;;) {
    Change change;
    {
      auto state = state_.Lock();
      if (state->waiting.empty()) {
        state->running = false;
        return;
      }
      change = std::move(state->waiting.front());
      state->waiting.pop_front();
    }
    // Where it is done before it returns, this loop goes on instead of a call within a call.
    const auto either = std::make_shared<std::atomic<bool>>(false);
    change([this, either] {
      if (either->exchange(true)) Run();
    });
    if (!either->exchange(true)) return;
  }
}

}  // namespace grpc_os::core
