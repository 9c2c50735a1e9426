// A daemon as a list of parts, which start in their order and stop in reverse.
#ifndef GRPC_OS_MAIN_PARTS_COMPOSITION_H_
#define GRPC_OS_MAIN_PARTS_COMPOSITION_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "absl/status/status.h"

namespace grpc_os {

// Its constructor takes what it needs: parts before it, of which it may use in Start, Tick and Stop
// what their Start has made.
class Part {
 public:
  Part() = default;
  Part(const Part&) = delete;
  Part& operator=(const Part&) = delete;
  virtual ~Part() = default;

  // One that fails is not stopped: it leaves nothing running that uses another part.
  virtual absl::Status Start() { return absl::OkStatus(); }
  // About once a second, from when it has started until it is stopped; `now_ms` is on
  // CLOCK_BOOTTIME.
  virtual void Tick(int64_t /*now_ms*/) {}
  // Ends what it runs and answers what waits for it. The parts before it still run; those after it
  // were stopped and are destroyed only once all are, so that late answers find their objects.
  virtual void Stop() {}
};

class Composition {
 public:
  Composition() = default;
  Composition(const Composition&) = delete;
  Composition& operator=(const Composition&) = delete;
  // Stops, then destroys the parts, the last one first.
  ~Composition();

  // Makes a part that starts after those before it.
  template <typename P, typename... Args>
  P& Add(Args&&... args) {
    auto part = std::make_unique<P>(std::forward<Args>(args)...);
    P& added = *part;
    parts_.push_back(std::move(part));
    return added;
  }

  // Once. Where a part fails, those after it are not started, and what is running is stopped.
  absl::Status Start();
  // Ticks the parts that run. Thread-safe; not from within a Tick.
  void Tick(int64_t now_ms);
  // Stops what runs, the last part first. A part is not ticked any more once its Stop begins.
  void Stop();

 private:
  Part* TakeLastRunning();

  std::vector<std::unique_ptr<Part>> parts_;
  std::mutex mutex_;
  size_t running_ = 0;  // of the parts, from the first on; under the mutex
};

}  // namespace grpc_os

#endif  // GRPC_OS_MAIN_PARTS_COMPOSITION_H_
