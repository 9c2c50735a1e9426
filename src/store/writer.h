// The one thread that writes.
#ifndef GRPC_OS_STORE_WRITER_H_
#define GRPC_OS_STORE_WRITER_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/pulse.h"
#include "store/database.h"
#include "store/statistics.h"
#include "store/subscribers.h"
#include "store/work_queue.h"

namespace grpc_os::store {

// One piece of work, all or nothing.
struct Operation {
  // Runs inside a transaction of the writer. May be run again after a transaction was lost, so it
  // takes ids and times from what it was made with. A numbered one gets its revision.
  std::function<absl::Status(Connection&, int64_t revision)> apply = {};
  // Whether it takes a revision; one that takes none is answered with 0.
  bool numbered = false;
  // Whenever `apply` refuses, and not because the storage failed, it has changed nothing.
  bool refuses_clean = false;
  // Whether it may take the room that is kept for changes on a full disk.
  bool may_use_reserve = false;
  // Called once, after the commit, on the writer's thread.
  std::function<void(absl::StatusOr<int64_t>)> done = {};
};

// Commits what waits in groups of at most kCommitGroup: one transaction for all of it. Where one of
// them is refused after it changed something, which is rare, it is begun again with a savepoint for
// each operation, so that what is refused takes nothing with it (a savepoint copies each page that
// is changed in it). When a whole transaction is lost, its operations are run again one by one,
// each answered by its own result. A transaction may use the store's reserve if each of its
// operations may. Thread-safe.
class Writer {
 public:
  // Called after each group on the writer's thread, outside of transactions. True: it has more to
  // do, and wants to be called again even if nothing is submitted.
  using Between = std::function<bool(Connection&)>;

  // `connection` is used by the writer's thread only, after this. `subscribers` and `statistics`
  // must outlive it.
  Writer(std::unique_ptr<Connection> connection, const Dialect& dialect, int64_t newest_revision,
         Subscribers& subscribers, Statistics& statistics, Between between);
  ~Writer();

  // Finishes everything that was submitted, takes nothing more, and ends the thread.
  void Finish();

  // Never blocks. If it is refused (RESOURCE_EXHAUSTED: the queue is full; UNAVAILABLE: shutting
  // down), `done` is called at once, on the calling thread.
  void Submit(Operation operation);

  const core::Pulse& pulse() const { return pulse_; }

  int64_t NewestRevision() const { return newest_revision_.load(std::memory_order_acquire); }

 private:
  // What became of one transaction.
  struct Outcome {
    bool begun = false;
    bool refused = false;  // an operation was, and could not be undone: nothing was stored
    bool empty = true;     // all operations were refused: there was no COMMIT
    bool answered = false;
    // Not OK: nothing of it was stored, and `results` means nothing.
    absl::Status transaction;
    std::vector<absl::StatusOr<int64_t>> results;  // one for each operation
    int64_t newest = 0;
  };

  void Run();
  void RunGroup(std::span<Operation> group);
  enum class Savepoints { kNo, kYes };
  Outcome RunTransaction(std::span<Operation> operations);
  Outcome RunUncounted(std::span<Operation> operations, Savepoints savepoints);
  absl::Status RunOperations(std::span<Operation> operations, Savepoints savepoints,
                             Outcome& outcome);
  // The error is the transaction's; the operation's own goes into `refusal`.
  absl::Status RunInSavepoint(Operation& operation, int64_t revision, absl::Status& refusal);
  void Refuse(Operation& operation, const absl::Status& status);
  void Answer(std::span<Operation> operations, const Outcome& outcome);

  const std::unique_ptr<Connection> connection_;
  const Dialect& dialect_;
  Subscribers& subscribers_;
  Statistics& statistics_;
  const Between between_;
  std::atomic<int64_t> newest_revision_;
  core::Pulse pulse_;
  WorkQueue<Operation> queue_;
  std::thread thread_;
};

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_WRITER_H_
