// The port through which processes are kept.
#ifndef GRPC_OS_CORE_PROCESS_PROCESS_STORE_H_
#define GRPC_OS_CORE_PROCESS_PROCESS_STORE_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/change/envelope.h"
#include "core/event/event.h"
#include "core/process/process.h"

namespace grpc_os::core {

// One transaction: all of it becomes durable under one new revision, or nothing does.
struct ProcessWrite {
  std::vector<Process> put;  // inserted or replaced by id; their `revision` is set by the store
  std::vector<std::string> remove;  // ids
  std::vector<Event> events;        // their `revision` and `sequence` are set by the store
  // It gives room back or ends what takes it (stop, delete), so it may take the room that the store
  // keeps for such changes where the disk is full.
  bool may_use_reserve = false;
};

// Thread-safe.
class ProcessStore {
 public:
  virtual ~ProcessStore() = default;

  // Calls `done` on the store's writer thread once the transaction is durable, with its revision.
  // UNAUTHENTICATED or PERMISSION_DENIED: the envelope is not permitted (any more);
  // ALREADY_EXISTS if an id or name is taken by another row; RESOURCE_EXHAUSTED if the queue is
  // full; UNAVAILABLE if storage fails. Writes are done in the order of their submission.
  virtual void Commit(ProcessWrite write, Envelope envelope,
                      std::function<void(absl::StatusOr<int64_t>)> done) = 0;

  // Everything there is, at the start of the daemon. Blocks.
  virtual absl::StatusOr<std::vector<Process>> LoadProcesses() = 0;

  // The boot of the machine under which the daemon last ran, "" at first. Blocks.
  virtual absl::StatusOr<std::string> LoadBootId() = 0;
  // As Commit, without a revision.
  virtual void SaveBootId(const std::string& boot_id, std::function<void(absl::Status)> done) = 0;
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_PROCESS_PROCESS_STORE_H_
