// Whether the grpc-osd that serves still answers.
#ifndef GRPC_OS_INIT_HEALTH_WATCH_H_
#define GRPC_OS_INIT_HEALTH_WATCH_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "base/event_loop.h"
#include "base/unique_fd.h"
#include "init/health_probe.h"

namespace grpc_os::init {

// Asks each interval, and gives the daemon as long for its answer. One that does not come is a
// miss; after kMisses in a row the daemon has failed. Any answer of Health/Check will do:
// NOT_SERVING is that of a daemon that lives and is about to end.
//
// An interval of waiting is kTurns turns of the loop's timer, each of a tenth of it: while init
// does not run (the machine sleeps, SIGSTOP), one turn at most is counted, and not the time. With
// each turn, one that refused is asked again. Lives on the loop's thread.
class HealthWatch {
 public:
  static constexpr int kMisses = 3;
  static constexpr int kTurns = 10;
  struct Settings {
    int64_t interval_ms = 10'000;  // 0: never asks
    // A stream to the daemon's API, which does not block.
    std::function<absl::StatusOr<UniqueFd>()> connect;
    // `why` is a clause. It is not watched any more.
    std::function<void(const std::string& why)> on_failed;
  };
  HealthWatch(EventLoop& loop, Settings settings);
  HealthWatch(const HealthWatch&) = delete;
  HealthWatch& operator=(const HealthWatch&) = delete;
  ~HealthWatch();

  // From now on, with no misses.
  void Start();
  void Stop();

 private:
  void Begin();
  void Ask();
  void OnTurn();
  void OnMiss();

  EventLoop& loop_;
  const Settings settings_;
  EventLoop::TimerId timer_ = 0;
  std::optional<HealthProbe> probe_;
  int turns_ = 0;
  int misses_ = 0;
  std::string why_;  // the last probe failed; empty: it waits
};

}  // namespace grpc_os::init

#endif  // GRPC_OS_INIT_HEALTH_WATCH_H_
