#include "core/event/event_filter.h"

namespace grpc_os::core {

bool Matches(const EventFilter& filter, const Event& event) {
  if (!filter.kinds.contains(event.kind)) return false;
  if (event.name.starts_with(filter.prefix)) return true;
  const auto from = event.attributes.find(kMovedFrom);
  return from != event.attributes.end() && from->second.starts_with(filter.prefix);
}

}  // namespace grpc_os::core
