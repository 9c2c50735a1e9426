#include "core/process/read_log.h"

#include <memory>
#include <utility>

#include "base/guarded.h"

namespace grpc_os::core {
namespace {

// The tail, whose batches may come before it is known.
class Batches {
 public:
  void Next() {
    std::shared_ptr<LogSource::Tail> tail;
    {
      auto state = state_.Lock();
      tail = state->tail;
      state->early = tail == nullptr;
    }
    if (tail != nullptr) tail->Continue();
  }
  void SetTail(const std::shared_ptr<LogSource::Tail>& tail) {
    bool early = false;
    {
      auto state = state_.Lock();
      if (state->ended) return;
      state->tail = tail;
      early = std::exchange(state->early, false);
    }
    if (early) tail->Continue();
  }
  void End() {
    auto state = state_.Lock();
    state->ended = true;
    state->tail.reset();  // which keeps what keeps this
  }

 private:
  struct State {
    std::shared_ptr<LogSource::Tail> tail;
    bool early = false;
    bool ended = false;
  };
  Guarded<State> state_;
};

}  // namespace

void ReadLog(LogSource& source, LogSource::Options options,
             std::function<void(const LogLines&)> on_lines,
             std::function<void(const absl::Status&)> on_end) {
  const auto batches = std::make_shared<Batches>();
  batches->SetTail(source.Start(
      std::move(options),
      [batches, on_lines = std::move(on_lines)](const LogLines& lines) {
        on_lines(lines);
        batches->Next();
      },
      [batches, on_end = std::move(on_end)](const absl::Status& status) {
        batches->End();
        on_end(status);
      }));
}

}  // namespace grpc_os::core
