// Records that belong to no transaction.
#ifndef GRPC_OS_CORE_AUDIT_AUDIT_TRAIL_H_
#define GRPC_OS_CORE_AUDIT_AUDIT_TRAIL_H_

#include <condition_variable>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "base/guarded.h"
#include "base/limits.h"
#include "core/audit/audit.h"
#include "core/logger.h"

namespace grpc_os::core {

// Refusals, and changes that turned out to change nothing. Written at once, one write at a time;
// what comes meanwhile waits, alike ones as one record with a count. While the store cannot write,
// they wait on; what is too much to remember is counted in one record (UNRECORDED), whose reason is
// STORE_UNAVAILABLE then, and else LIMIT_REACHED. A flood is to cost neither the disk nor the
// records of others: of the refusals that one user, or one source of strangers, gets from one
// method, limits::kAuditRefusalsApart in limits::kAuditRefusalsMs have records of their own,
// however unlike they are; the others are summed up, in one record without their resources when
// that time is over, and without their sources where they came from more than
// limits::kAuditRefusalsApart of them. Those of strangers are written once a second at most.
// Thread-safe; only Finish blocks.
class AuditTrail {
 public:
  AuditTrail(AuditStore& store, Logger& logger) : store_(store), logger_(logger) {}

  void Note(AuditRecord record);
  // Tries again what the store refused, and writes the sums that are due. Now and then, say once a
  // second.
  void Tick(int64_t now_ms);
  // Writes what waits, once, and waits for it: at the end of the daemon, before the store's.
  // Nothing is noted any more.
  void Finish();

 private:
  // What makes records alike: all but the time, the call and the count.
  using Kind = std::tuple<std::string, std::string, std::string, std::string, std::string,
                          std::string, std::string>;
  using Records = std::map<Kind, AuditRecord>;
  // The refusals of one user, or one source of strangers, by one method.
  using Series = std::pair<std::string, std::string>;
  struct Window {
    int64_t start_ms = INT64_MIN;
    int apart = 0;  // records of their own
    Records sums = {};

    // A clock that was set back by more than its length ends it too. By less it may seem so: calls
    // are noted as they end, with the times at which they began.
    bool IsOver(int64_t now_ms) const {
      return now_ms - limits::kAuditRefusalsMs >= start_ms ||
             now_ms + limits::kAuditRefusalsMs < start_ms;
    }
  };
  struct State {
    Records waiting;
    std::map<Series, Window> windows;
    int64_t uncounted = 0;  // calls of kinds that did not fit into `waiting`
    int64_t first_uncounted_ms = 0;
    std::string uncounted_reason;
    bool writing = false;
    bool failing = false;
    int64_t strangers_written_ms = INT64_MIN;  // when one of theirs was last written at once
  };
  static Kind KindOf(const AuditRecord& record);
  // Whether there is one alike in there, which counts this one too then.
  static bool CountWith(Records& records, const AuditRecord& record);
  static void Add(State& state, AuditRecord record);
  // True: the refusal was counted in a sum, and is not written yet.
  static bool SumUp(State& state, const AuditRecord& record);
  static void CountOnly(State& state, const AuditRecord& record, std::string_view why);
  static void CloseWindows(State& state, int64_t now_ms);
  void Write();
  void Written(std::vector<AuditRecord> records, const absl::Status& status);

  AuditStore& store_;
  Logger& logger_;
  Guarded<State> state_;
  std::condition_variable written_;
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_AUDIT_AUDIT_TRAIL_H_
