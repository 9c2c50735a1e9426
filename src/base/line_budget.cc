#include "base/line_budget.h"

#include <algorithm>

namespace grpc_os {

bool LineBudget::Admit(std::string_view kind, int64_t now_ms) {
  auto found = kinds_.find(kind);
  if (found == kinds_.end()) {
    if (kinds_.size() >= static_cast<size_t>(limits::kLogKinds)) {
      // What has been quiet needs no count.
      std::erase_if(kinds_, [now_ms](const auto& entry) {
        return entry.second.left_out == 0 && now_ms - entry.second.since_ms >= kSecondMs;
      });
    }
    if (kinds_.size() >= static_cast<size_t>(limits::kLogKinds)) kind = "other";
    found = kinds_.try_emplace(std::string(kind), Kind{.since_ms = now_ms}).first;
  }
  Kind& counted = found->second;
  // Until it was said how many were left out, the next second does not begin.
  if (now_ms - counted.since_ms >= kSecondMs && counted.left_out == 0) {
    counted = Kind{.since_ms = now_ms};
  }
  if (counted.lines < limits::kLogLinesPerSecond) {
    ++counted.lines;
    return true;
  }
  ++counted.left_out;
  const int64_t due_ms = counted.since_ms + kSecondMs;
  due_ms_ = due_ms_ < 0 ? due_ms : std::min(due_ms_, due_ms);
  return false;
}

std::vector<std::pair<std::string, int64_t>> LineBudget::TakeLeftOut(int64_t now_ms) {
  std::vector<std::pair<std::string, int64_t>> out;
  due_ms_ = -1;
  for (auto& [name, kind] : kinds_) {
    if (kind.left_out == 0) continue;
    const int64_t due_ms = kind.since_ms + kSecondMs;
    if (now_ms >= due_ms) {
      out.emplace_back(name, kind.left_out);
      kind = Kind{.since_ms = now_ms};
    } else {
      due_ms_ = due_ms_ < 0 ? due_ms : std::min(due_ms_, due_ms);
    }
  }
  return out;
}

}  // namespace grpc_os
