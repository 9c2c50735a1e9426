// Records that belong to no transaction.
#ifndef GRPC_OS_CORE_AUDIT_AUDIT_TRAIL_H_
#define GRPC_OS_CORE_AUDIT_AUDIT_TRAIL_H_

#include <condition_variable>
#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "base/guarded.h"
#include "core/audit/audit.h"
#include "core/logger.h"

namespace grpc_os::core {

// Refusals, and changes that turned out to change nothing. Written at once, one write at a time;
// what comes meanwhile waits, alike ones as one record with a count. While the store cannot write,
// they wait on; what is too much to remember is counted, and told as one record when it can write
// again. Those of strangers are written once a second at most: a flood of them is to cost neither
// the disk nor the records of others. Thread-safe; only Finish blocks.
class AuditTrail {
 public:
  AuditTrail(AuditStore& store, Logger& logger) : store_(store), logger_(logger) {}

  void Note(AuditRecord record);
  // Tries again what the store refused. Now and then, say once a second.
  void Tick();
  // Writes what waits, once, and waits for it: at the end of the daemon, before the store's.
  // Nothing is noted any more.
  void Finish();

 private:
  // What makes records alike: all but the time, the call and the count.
  using Kind = std::tuple<std::string, std::string, std::string, std::string, std::string,
                          std::string, std::string>;
  struct State {
    std::map<Kind, AuditRecord> waiting;
    int64_t uncounted = 0;  // calls of kinds that did not fit into `waiting`
    int64_t first_uncounted_ms = 0;
    bool writing = false;
    bool failing = false;
    int64_t strangers_written_ms = INT64_MIN;  // when one of theirs was last written at once
  };
  static void Add(State& state, AuditRecord record);
  void Write();
  void Written(std::vector<AuditRecord> records, const absl::Status& status);

  AuditStore& store_;
  Logger& logger_;
  Guarded<State> state_;
  std::condition_variable written_;
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_AUDIT_AUDIT_TRAIL_H_
