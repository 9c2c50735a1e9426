#include "core/event/event_memory.h"

#include <utility>

namespace grpc_os::core {
namespace {

// About what it takes on the heap.
int64_t BytesOf(const Event& event) {
  constexpr size_t kNode = 48;  // of a map
  size_t bytes = sizeof(Event) + event.kind.size() + event.resource_id.size() + event.name.size() +
                 event.action.size();
  for (const auto& [key, value] : event.attributes)
    bytes += kNode + 2 * sizeof(std::string) + key.size() + value.size();
  return static_cast<int64_t>(bytes);
}

}  // namespace

void EventMemory::Add(std::shared_ptr<const Event> event) {
  const int64_t bytes = BytesOf(*event);
  bytes_ += bytes;
  events_.push_back({std::move(event), bytes});
}

void EventMemory::Trim() {
  while (static_cast<int64_t>(events_.size()) > max_events_ || bytes_ > max_bytes_) {
    start_ = PositionOf(*events_.front().event);
    bytes_ -= events_.front().bytes;
    events_.pop_front();
    ++first_;
  }
}

void EventMemory::Reset(LogPosition position) {
  first_ = end();
  events_.clear();
  bytes_ = 0;
  start_ = position;
}

}  // namespace grpc_os::core
