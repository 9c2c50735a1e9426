#include "init/stop_plan.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace grpc_os::init {
namespace {

constexpr size_t kNamed = 5;

// How long each takes with what comes after it, by id.
class Lengths {
 public:
  explicit Lengths(const std::vector<StopPlan::Member>& members) {
    for (const StopPlan::Member& member : members) by_name_.emplace(member.name, &member);
  }

  int64_t Of(const StopPlan::Member& member) {
    const auto [known, is_new] = lengths_.try_emplace(member.id, 0);
    // A circle, which specs of different times can make: whoever is asked again adds nothing.
    if (!is_new) return known->second;
    int64_t after_ms = 0;
    for (const std::string& name : member.after) {
      const auto [begin, end] = by_name_.equal_range(name);
      for (auto next = begin; next != end; ++next) after_ms = std::max(after_ms, Of(*next->second));
    }
    return lengths_[member.id] = member.stop_ms + after_ms;
  }

 private:
  std::multimap<std::string, const StopPlan::Member*> by_name_;
  std::map<std::string, int64_t> lengths_;
};

}  // namespace

StopPlan::StopPlan(const std::vector<Member>& members, int64_t now_ms) {
  Lengths lengths(members);
  int64_t whole_ms = 0;
  for (const Member& member : members) {
    whole_ms = std::max(whole_ms, lengths.Of(member));
    for (const std::string& name : member.after) ++ending_before_[name];
  }
  whole_ms = std::min(whole_ms, kStopAllMaxMs);
  end_ms_ = now_ms + whole_ms;
  for (const Member& member : members)
    entries_[member.id] = {.member = member, .latest_ms = end_ms_ - lengths.Of(member)};
}

bool StopPlan::IsFree(const Entry& entry) const {
  if (entry.member.name.empty()) return true;
  const auto before = ending_before_.find(entry.member.name);
  return before == ending_before_.end() || before->second == 0;
}

std::vector<std::string> StopPlan::Due(int64_t now_ms) {
  std::vector<std::string> due;
  for (auto& [id, entry] : entries_) {
    if (entry.begun || (!IsFree(entry) && now_ms < entry.latest_ms)) continue;
    entry.begun = true;
    entry.over_ms = std::min(now_ms + entry.member.stop_ms, end_ms_);
    due.push_back(id);
  }
  return due;
}

std::vector<std::string> StopPlan::Overdue(int64_t now_ms) {
  std::vector<std::string> overdue;
  for (auto& [id, entry] : entries_) {
    if (!entry.begun || entry.over || now_ms < entry.over_ms) continue;
    entry.over = true;
    overdue.push_back(id);
  }
  return overdue;
}

bool StopPlan::Ended(const std::string& id) {
  const auto node = entries_.extract(id);
  if (node.empty()) return false;
  bool freed = false;
  for (const std::string& name : node.mapped().member.after)
    freed = --ending_before_[name] == 0 || freed;
  return freed;
}

std::string StopPlan::Describe(int64_t now_ms) const {
  std::vector<std::pair<int64_t, std::string>> stopping;  // the longest first
  size_t held_back = 0;
  for (const auto& [id, entry] : entries_) {
    if (entry.begun) {
      stopping.emplace_back(now_ms - entry.over_ms, entry.member.name);
    } else {
      ++held_back;
    }
  }
  std::sort(stopping.begin(), stopping.end());
  std::string text;
  for (size_t i = 0; i < std::min(stopping.size(), kNamed); ++i) {
    absl::StrAppend(&text, i == 0 ? "" : ", ",
                    stopping[i].second.empty() ? "a task" : stopping[i].second, " (at most ",
                    DescribeSeconds(-stopping[i].first), ")");
  }
  if (stopping.size() > kNamed) absl::StrAppend(&text, " and ", stopping.size() - kNamed, " more");
  if (held_back > 0) {
    absl::StrAppend(&text, "; then ", held_back, held_back == 1 ? " that is" : " that are",
                    " stopped after these (all at most ", DescribeSeconds(end_ms_ - now_ms), ")");
  }
  return text;
}

std::string DescribeSeconds(int64_t ms) {
  const int64_t seconds = (std::max<int64_t>(ms, 0) + 999) / 1000;
  if (seconds < 60) return absl::StrCat(seconds, " s");
  const std::string minutes = absl::StrCat(seconds / 60, " min");
  return seconds % 60 == 0 ? minutes : absl::StrCat(minutes, " ", seconds % 60, " s");
}

}  // namespace grpc_os::init
