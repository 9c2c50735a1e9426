// The newest stretch of the log of events, in memory.
#ifndef GRPC_OS_CORE_EVENT_EVENT_MEMORY_H_
#define GRPC_OS_CORE_EVENT_EVENT_MEMORY_H_

#include <cstdint>
#include <deque>
#include <memory>

#include "core/event/event.h"

namespace grpc_os::core {

// Without gaps. Not thread-safe.
class EventMemory {
 public:
  EventMemory(int64_t max_events, int64_t max_bytes)
      : max_events_(max_events), max_bytes_(max_bytes) {}

  // Every event after it is here.
  LogPosition start() const { return start_; }
  // Events are counted from 0; those before this one are forgotten.
  int64_t first() const { return first_; }
  int64_t end() const { return first_ + static_cast<int64_t>(events_.size()); }
  const std::shared_ptr<const Event>& at(int64_t number) const {
    return events_[static_cast<size_t>(number - first_)].event;
  }

  // In the order of the log.
  void Add(std::shared_ptr<const Event> event);
  // Forgets the oldest until the rest is within the bounds.
  void Trim();
  // Forgets everything; what follows comes after this position.
  void Reset(LogPosition position);

 private:
  struct Kept {
    std::shared_ptr<const Event> event;
    int64_t bytes;
  };

  const int64_t max_events_;
  const int64_t max_bytes_;
  std::deque<Kept> events_;
  int64_t first_ = 0;
  LogPosition start_ = 0;
  int64_t bytes_ = 0;
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_EVENT_EVENT_MEMORY_H_
