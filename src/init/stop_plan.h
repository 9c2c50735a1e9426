// In which order everything is stopped, and how long that may take.
#ifndef GRPC_OS_INIT_STOP_PLAN_H_
#define GRPC_OS_INIT_STOP_PLAN_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace grpc_os::init {

// Each member is stopped once all that are to end before it have, or, if these take too long, when
// the time that it needs itself, with those that come after it, is all that is left: an order that
// everyone keeps to its time is kept. All together get at most kStopAllMaxMs. Pure: times are
// given.
class StopPlan {
 public:
  struct Member {
    std::string id;
    std::string name;                // empty: nothing ends before it
    std::vector<std::string> after;  // names of those that are stopped after it
    int64_t stop_ms = 0;             // from its stop to its kill, with what clearing up takes
  };
  static constexpr int64_t kStopAllMaxMs = 600'000;

  StopPlan() = default;
  StopPlan(const std::vector<Member>& members, int64_t now_ms);

  // The ids of those that are to be stopped now; each is given once.
  std::vector<std::string> Due(int64_t now_ms);
  // Those whose time is over; each is given once.
  std::vector<std::string> Overdue(int64_t now_ms);
  // Whether others may be due because of that.
  bool Ended(const std::string& id);

  // Nothing has to be waited for beyond that.
  int64_t end_ms() const { return end_ms_; }
  // For people: "web (at most 8 s), db (at most 2 min) and 3 more; then 2 others". Empty: nobody.
  std::string Describe(int64_t now_ms) const;

 private:
  struct Entry {
    Member member;
    int64_t latest_ms = 0;  // to begin
    int64_t over_ms = 0;    // set when it was begun
    bool begun = false;
    bool over = false;
  };
  bool IsFree(const Entry& entry) const;

  std::map<std::string, Entry> entries_;      // of those that have not ended
  std::map<std::string, int> ending_before_;  // by name: so many are to end before those of it
  int64_t end_ms_ = 0;
};

// "8 s", "2 min 5 s".
std::string DescribeSeconds(int64_t ms);

}  // namespace grpc_os::init

#endif  // GRPC_OS_INIT_STOP_PLAN_H_
