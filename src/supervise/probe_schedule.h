// When to probe a process, and what the answers come to. Pure: no clock, no system calls.
#ifndef GRPC_OS_SUPERVISE_PROBE_SCHEDULE_H_
#define GRPC_OS_SUPERVISE_PROBE_SCHEDULE_H_

#include <cstdint>
#include <optional>

#include "core/process/process.h"

namespace grpc_os::supervise {

// Of one execution. Times are milliseconds of any steady clock.
class ProbeSchedule {
 public:
  enum class What {
    kProbeReady,
    kUpLongEnough,  // it is ready
    kOverdue,       // ready.timeout is over; comes once
    kProbeLive,
  };
  struct Due {
    What what;
    int64_t at_ms;
  };
  enum class Outcome { kNothing, kReady, kNotLive };

  // Executed at `now_ms`. The port of `spec` is PortOf, for the environment is not asked.
  ProbeSchedule(const core::ProcessSpec& spec, int64_t now_ms);

  // It said something on NOTIFY_SOCKET: unless `ready` says otherwise, only READY=1 counts now.
  void OnNotified();
  // Whether READY=1 makes it ready.
  bool HeedsNotify() const { return kind_ == core::ReadyKind::kNotify; }
  void OnReady(int64_t now_ms);
  // It said STOPPING=1: it is not probed any more, unless READY=1 comes.
  void OnUnready();

  // What is next. While a probe is under way (`probing`) nothing but kOverdue.
  std::optional<Due> Next(bool probing) const;
  // kOverdue was done.
  void PassOverdue() { overdue_passed_ = true; }
  // The answer to the probe that was due.
  Outcome OnAnswer(bool good, int64_t now_ms);

  bool overdue() const { return overdue_passed_; }
  bool ready() const { return phase_ == Phase::kReady; }
  core::ReadyKind kind() const { return kind_; }
  const core::ReadySpec& readiness() const { return ready_; }
  const core::LivenessSpec& liveness() const { return liveness_; }
  int port() const { return port_; }
  int failures() const { return failures_; }  // of liveness, in a row

  static constexpr int64_t kFirstMs = 50;  // until the first probe; doubles up to…
  static constexpr int64_t kEachMs = 1'000;
  static constexpr int64_t kEachOverdueMs = 5'000;
  static constexpr int64_t kUpMs = 1'000;  // up for so long is ready, where nothing else says so

 private:
  enum class Phase { kWaiting, kReady, kStopping };

  const int port_;
  const core::ReadySpec ready_;
  const core::LivenessSpec liveness_;
  const int64_t start_ms_;
  Phase phase_ = Phase::kWaiting;
  core::ReadyKind kind_;  // never kDefault
  bool by_default_ = false;
  int64_t delay_ms_;
  int64_t next_ms_;  // the next probe
  int64_t wait_ms_ = kFirstMs;
  bool overdue_passed_ = false;
  int failures_ = 0;
};

}  // namespace grpc_os::supervise

#endif  // GRPC_OS_SUPERVISE_PROBE_SCHEDULE_H_
