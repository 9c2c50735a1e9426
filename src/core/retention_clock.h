// The time that decides what is destroyed: what is kept for a time goes by this clock, not by the
// machine's, which may be wrong for a moment.
#ifndef GRPC_OS_CORE_RETENTION_CLOCK_H_
#define GRPC_OS_CORE_RETENTION_CLOCK_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/guarded.h"
#include "core/scheduler.h"

namespace grpc_os::core {

// Never ahead of the wall clock. It advances with the time that the machine was up, and catches up
// with a wall clock that has jumped forward once that has been ahead for `jump_lasts_ms` (at most
// twice that) of the time in which somebody asked: by the least that it was ahead meanwhile. A wall
// clock that is set back counts at once, for less is destroyed then. So what is kept for a week is
// kept for a week, and after a machine was off, for a few hours more. Thread-safe; to be asked
// about once a second.
class RetentionClock final : public Clock {
 public:
  struct Sources {
    std::function<int64_t()> wall_ms;    // since 1970
    std::function<int64_t()> uptime_ms;  // of the machine; never set, goes on while it sleeps
    std::string boot_id;                 // of which the uptime counts
  };
  // How far it came, for the next run to go on from.
  struct Mark {
    int64_t time_ms = 0;
    int64_t uptime_ms = 0;
    int64_t window_ms = 0;  // age of the window that it is in
    int64_t ahead_ms = 0;   // the least that the wall clock was ahead in it
    int64_t latest_ms = 0;  // the latest time that it ever showed
    std::string boot_id = {};

    std::string ToText() const;
    // nullopt: it is none.
    static std::optional<Mark> FromText(const std::string& text);
  };
  // Without a mark it begins with what the wall clock says.
  RetentionClock(Sources sources, int64_t jump_lasts_ms, const std::optional<Mark>& mark);

  int64_t NowMs() const override;
  // Never goes back. What is retired while the wall clock is behind is retired then: it would be
  // too old as soon as that is right again.
  int64_t LatestMs() const;
  // LatestMs as a clock: for the time from which on something is kept for a while.
  const Clock& latest() const { return latest_; }
  Mark mark() const;

 private:
  class Latest final : public Clock {
   public:
    explicit Latest(const RetentionClock& of) : of_(of) {}
    int64_t NowMs() const override { return of_.LatestMs(); }

   private:
    const RetentionClock& of_;
  };

  void Advance(Mark& mark) const;

  const Sources sources_;
  const int64_t jump_lasts_ms_;
  mutable Guarded<Mark> mark_;
  const Latest latest_{*this};
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_RETENTION_CLOCK_H_
