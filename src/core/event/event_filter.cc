#include "core/event/event_filter.h"

namespace grpc_os::core {

bool MatchesName(const EventFilter& filter, std::string_view id, const std::string& name) {
  if (!name.starts_with(filter.prefix)) return false;
  return filter.names.empty() || filter.names.contains(name) || filter.names.contains(id);
}

bool MatchesAction(const EventFilter& filter, std::string_view action) {
  return filter.actions.empty() || filter.actions.contains(action);
}

bool Matches(const EventFilter& filter, const Event& event) {
  if (!filter.kinds.contains(event.kind)) return false;
  const auto from = event.attributes.find(kMovedFrom);
  const bool moved = from != event.attributes.end();
  if (!MatchesAction(filter, event.action) && !(moved && MatchesAction(filter, "deleted")))
    return false;
  return MatchesName(filter, event.resource_id, event.name) ||
         (moved && MatchesName(filter, event.resource_id, from->second));
}

}  // namespace grpc_os::core
