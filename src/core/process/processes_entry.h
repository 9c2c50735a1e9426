// Private to processes*.cc: what core::Processes keeps for each process.
#ifndef GRPC_OS_CORE_PROCESS_PROCESSES_ENTRY_H_
#define GRPC_OS_CORE_PROCESS_PROCESSES_ENTRY_H_

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/process/processes.h"

namespace grpc_os::core {

// A change in the making: the process as it is to be, and what is to be told of it.
struct Processes::Draft {
  Process process;
  bool erase = false;
  bool unchanged = false;    // nothing of the process is written, only who asked for it
  absl::Status erase_cause;  // what those who wait for the process get
  std::vector<Event> events;
  std::vector<std::string> release;   // instances to let go once this is committed
  bool takes_over = false;            // its new instance goes on where one was replaced
  int64_t forced_restart_number = 0;  // a restart that is due even if the process runs
  int64_t acknowledge = 0;            // reports of process.instance_id up to here are in it
  std::string acknowledge_instance;
  int64_t now_ms = 0;

  void Tell(std::string action, std::map<std::string, std::string> attributes = {});
  // Begins a new instance; it will be launched after the commit.
  void NewInstance();
};

struct Processes::Mutation {
  // Changes the draft, or refuses and leaves it alone.
  std::function<absl::Status(Draft&)> apply;
  // After the commit (or its failure, or the refusal): the revision.
  std::function<void(absl::StatusOr<int64_t>)> done;
  bool retry = false;  // a report, not a request: tried again until the store takes it
  bool ends = false;   // a stop or a deletion: it may take the store's reserve
  std::optional<Origin> origin = std::nullopt;  // of a request
  Awaited awaited = Awaited::kNothing;          // by whoever asked
  // Why the present draft does not have it. It may rest on a neighbour's change, so that it is
  // answered with the commit, and looked at anew in the next draft.
  absl::Status refusal = absl::OkStatus();
};

// Someone who waits for the world to follow.
struct Processes::Waiter {
  uint64_t id = 0;  // of Wait; 0: a change's, which waits in a place of its own
  // nullopt: not yet. OK: `done` gets the process.
  std::function<std::optional<absl::Status>(const Entry&)> check;
  Done done;
  std::function<void(const Process&)> timed_out = nullptr;      // of Wait, instead of `done`
  std::shared_ptr<Guarded<OriginFindings>> findings = nullptr;  // of a change's call
};

// NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): in the order of what it is about
struct Processes::Entry {
  Process process;       // as committed
  bool visible = false;  // its creation is committed
  bool writing = false;  // a commit is under way
  std::vector<Mutation> pending;
  bool retry_due = false;  // a timer runs that pumps
  int claimed_port = 0;    // by the commit that is under way; as well as the following
  std::vector<Dependency> claimed_dependencies;
  std::optional<Process> claimed;    // whose claims were taken
  std::vector<std::string> awaited;  // names: it is not launched before they have come so far
  // What the facts in `pending` come to, once the store failed, and then `present`.
  std::optional<Unsaved> unsaved;
  // What the supervisor told ahead of its reports, until they are stored.
  std::optional<InstanceReport> present;
  std::vector<Waiter> waiters;
  std::vector<std::weak_ptr<std::function<void()>>> when_at_rest;

  // What is known of the present instance's supervisor.
  std::optional<ExecFailure> exec_failure;  // of its last execution
  std::string account_refusal;              // why it was not launched; empty: no such refusal
  bool launching = false;
  bool connected = false;
  int64_t awaited_seq = 0;  // the reports up to this one were there when we connected
  int64_t supervisor_generation = 0;
  int64_t supervisor_restart_number = 0;
  // What was sent over the present connection, so that it is not sent twice.
  bool stop_sent = false;
  int64_t spec_sent = 0;
  bool spec_unanswered = false;  // whether it takes that one is not known yet
  bool spec_refused = false;     // it does not know what is in that one
  bool replacing = false;        // it was told to stop, to make room for a new instance
  int64_t restart_sent = 0;
  int64_t forced_restart_number = 0;  // the last restart that is due even if the process runs
  bool from_before_boot = false;      // its instance was of the boot before this one
  // The execution (its start) that is to have no more requests, and whether it has none; 0: none.
  int64_t drain_of = 0;
  bool drained = false;
  bool takes_over = false;  // its instance goes on where another one was replaced
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_PROCESS_PROCESSES_ENTRY_H_
