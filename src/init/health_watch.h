// Whether grpc-osd answers that it serves.
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

// Asks each interval, and gives the daemon as long for its answer. One that does not come, or says
// NOT_SERVING, is a miss. The daemon has failed after kMisses in a row; while it may be starting,
// after kStartMisses, but still after kMisses in a row in which it took the call and did not
// answer, as nobody does who starts. The first miss is told, of one that may be starting the
// third.
//
// An interval of waiting is kTurns turns of the loop's timer, each of a tenth of it: while init
// does not run (the machine sleeps, SIGSTOP), one turn at most is counted, and not the time. With
// each turn, one that refused is asked again. Lives on the loop's thread.
class HealthWatch {
 public:
  static constexpr int kMisses = 3;
  static constexpr int kStartMisses = 60;
  static constexpr int kTurns = 10;
  struct Settings {
    int64_t interval_ms = 10'000;  // 0: never asks
    // A stream to the daemon's API, which does not block.
    std::function<absl::StatusOr<UniqueFd>()> connect;
    // `why` is a clause. It is not watched any more.
    std::function<void(const std::string& why)> on_failed;
    // Of one that may fail: since when, and why, as a clause; how long it has still.
    std::function<void(const std::string& why, int64_t left_ms)> on_missed;
    std::function<void()> on_better;  // one that was told serves
  };
  HealthWatch(EventLoop& loop, Settings settings);
  HealthWatch(const HealthWatch&) = delete;
  HealthWatch& operator=(const HealthWatch&) = delete;
  ~HealthWatch();

  // From now on, with no misses.
  void Start() { Watch(kMisses); }
  void StartOfOneThatStarts() { Watch(kStartMisses); }
  void Stop();

 private:
  void Watch(int misses);
  void OnServes();
  void Begin();
  void Ask();
  void OnTurn();
  void OnMiss();

  EventLoop& loop_;
  const Settings settings_;
  EventLoop::TimerId timer_ = 0;
  std::optional<HealthProbe> probe_;
  int turns_ = 0;
  int allowed_ = kMisses;
  int misses_ = 0;
  int silent_ = 0;  // of these, the last ones in which it took the call and did not answer
  bool told_ = false;
  std::string why_;  // the last probe failed; empty: it waits
};

}  // namespace grpc_os::init

#endif  // GRPC_OS_INIT_HEALTH_WATCH_H_
