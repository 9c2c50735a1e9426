// How often a log may say the same kind of thing.
#ifndef GRPC_OS_BASE_LINE_BUDGET_H_
#define GRPC_OS_BASE_LINE_BUDGET_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/limits.h"

namespace grpc_os {

// Admits limits::kLogLinesPerSecond lines of each kind a second and counts the others. Kinds beyond
// limits::kLogKinds share one. Not thread-safe.
class LineBudget {
 public:
  // Whether one more line of that kind may be written.
  bool Admit(std::string_view kind, int64_t now_ms);
  // Kinds of which lines were left out in a second that is over, and how many; each only once.
  std::vector<std::pair<std::string, int64_t>> TakeLeftOut(int64_t now_ms);
  // When TakeLeftOut will have something next; -1: nothing was left out.
  int64_t DueMs() const { return due_ms_; }

 private:
  static constexpr int64_t kSecondMs = 1000;
  struct Kind {
    int64_t since_ms = 0;
    int lines = 0;
    int64_t left_out = 0;
  };
  std::map<std::string, Kind, std::less<>> kinds_;
  int64_t due_ms_ = -1;
};

}  // namespace grpc_os

#endif  // GRPC_OS_BASE_LINE_BUDGET_H_
