// How often wrong passwords may be tried, and sessions opened.
#ifndef GRPC_OS_CORE_IDENTITY_THROTTLE_H_
#define GRPC_OS_CORE_IDENTITY_THROTTLE_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>

namespace grpc_os::core {

// Counts failures per (user, source), per user and per source. Lives under its owner's lock; its
// memory is bounded (the entries that were used longest ago go, those with a success last).
//
// Of one user from one source the first 5 failures cost nothing; then each doubles the wait, from
// 1 s to 15 min, until one succeeds or a day has passed. One user's failures from all addresses
// together are at most 100 an hour, and one source's with all users together 10 a minute after a
// burst of 20. Neither of these two counts, nor is counted, for a source that has logged in as the
// user within the last 30 days; and a source whose uid the kernel tells has nothing to do with what
// comes from addresses: a stranger cannot lock the owner out.
class Throttle {
 public:
  // Whether this source has logged in as this user within the last 30 days.
  bool Knows(const std::string& user, const std::string& source, int64_t now_ms) const;

  // 0: go on; otherwise how long to wait until the next try, in milliseconds.
  int64_t WaitMs(const std::string& user, const std::string& source, int64_t now_ms);
  // A try is under way: counts as a failure until Succeeded. So tries at the same time count too.
  void Began(const std::string& user, const std::string& source, int64_t now_ms);
  void Succeeded(const std::string& user, const std::string& source, int64_t now_ms);
  // The try that Began was not carried out: it does not count.
  void Withdrawn(const std::string& user, const std::string& source, int64_t now_ms);

  // One more session of the user, or a renewed one, or a token. 0: go on; otherwise how long to
  // wait for the next: after limits::kSessionsAtOnce, one each limits::kSessionEachMs. Each leaves
  // a record in the audit, where those of changes by others have to stay.
  int64_t OpenSession(const std::string& user, int64_t now_ms);

  // After a start: what is known of a log-in before it; the newest first, as far as there is room.
  void Knew(const std::string& user, const std::string& source, int64_t success_ms);

  // Whether its uid is known: "uid 1000", "127.0.0.1 uid 1000".
  static bool NamedByKernel(const std::string& source);

  // What counts as one source: an IPv6 address's network of 64 bits, the loopback, all else as it
  // is.
  static std::string SourceOf(const std::string& source);

 private:
  struct Pair {
    int failures = 0;
    int64_t last_ms = 0;
    int64_t success_ms = -1;
  };
  // A budget that fills up again with time.
  struct Budget {
    double spent = 0;
    int64_t time_ms = 0;
  };
  // A time of the future was noted before the clock was set back; it counts as now.
  void Rewind(const std::string& user, const std::string& source, int64_t now_ms);
  template <typename Key, typename Value>
  static void Bound(std::map<Key, Value>& entries);
  void GiveBack(const std::string& user, const std::string& source, int64_t now_ms);

  std::map<std::pair<std::string, std::string>, Pair> pairs_;
  std::map<std::string, Budget> users_;
  std::map<std::string, Budget> sources_;
  std::map<std::string, Budget> opened_;  // by user
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_IDENTITY_THROTTLE_H_
