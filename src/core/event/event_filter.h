// Which events someone wants to hear of, and how those of many are found.
#ifndef GRPC_OS_CORE_EVENT_EVENT_FILTER_H_
#define GRPC_OS_CORE_EVENT_EVENT_FILTER_H_

#include <compare>
#include <cstddef>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/event/event.h"

namespace grpc_os::core {

// The attribute of a "renamed" event with the name that the thing had before.
inline constexpr char kMovedFrom[] = "from";

struct EventFilter {
  std::set<std::string> kinds;
  std::string prefix = {};  // the name, or the one before, begins with it
  // The name, the one before, or the id is one of them; empty: any.
  std::set<std::string, std::less<>> names = {};
  // Empty: any. Who asks for "deleted" is given "renamed" too, which is that to some.
  std::set<std::string, std::less<>> actions = {};

  // NOLINTNEXTLINE(modernize-use-nullptr): of the code that the compiler makes
  std::strong_ordering operator<=>(const EventFilter&) const = default;
};
bool Matches(const EventFilter& filter, const Event& event);
// The same of `prefix` and `names`, for a thing that has, or had, this name.
bool MatchesName(const EventFilter& filter, std::string_view id, const std::string& name);
bool MatchesAction(const EventFilter& filter, std::string_view action);

// Finds the filters whose kinds and prefix an event matches without asking each of them: one
// look-up per distinct length of their prefixes. Not thread-safe. `Who` is what stands behind a
// filter; it is entered once.
template <typename Who>
class EventFilterIndex {
 public:
  void Add(const EventFilter& filter, Who* who) {
    for (const std::string& kind : filter.kinds) {
      Kind& entry = kinds_[kind];
      std::vector<Who*>& all = entry.prefixes[filter.prefix];
      if (all.empty()) ++entry.lengths[filter.prefix.size()];
      all.push_back(who);
    }
  }

  void Remove(const EventFilter& filter, Who* who) {
    for (const std::string& kind : filter.kinds) {
      const auto entry = kinds_.find(kind);
      const auto all = entry->second.prefixes.find(filter.prefix);
      std::erase(all->second, who);
      if (!all->second.empty()) continue;
      entry->second.prefixes.erase(all);
      const auto length = entry->second.lengths.find(filter.prefix.size());
      if (--length->second == 0) entry->second.lengths.erase(length);
      if (entry->second.prefixes.empty()) kinds_.erase(entry);
    }
  }

  // Calls `found(who)` for each, once.
  template <typename Found>
  void Find(const Event& event, Found found) const {
    const auto kind = kinds_.find(event.kind);
    if (kind == kinds_.end()) return;
    FindName(kind->second, event.name, /*found_with=*/nullptr, found);
    if (const auto from = event.attributes.find(kMovedFrom); from != event.attributes.end())
      FindName(kind->second, from->second, &event.name, found);
  }

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  struct Kind {
    std::unordered_map<std::string, std::vector<Who*>, Hash, std::equal_to<>> prefixes;
    std::map<size_t, int> lengths;  // how many of the prefixes are so long
  };

  template <typename Found>
  static void FindName(const Kind& kind, std::string_view name, const std::string* found_with,
                       Found found) {
    for (const auto& [length, count] : kind.lengths) {
      if (length > name.size()) return;
      const std::string_view prefix = name.substr(0, length);
      if (found_with != nullptr && std::string_view(*found_with).starts_with(prefix)) continue;
      const auto all = kind.prefixes.find(prefix);
      if (all == kind.prefixes.end()) continue;
      for (Who* who : all->second) found(who);
    }
  }

  std::map<std::string, Kind> kinds_;
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_EVENT_EVENT_FILTER_H_
