// What is held in a system that is a copy of another.
#ifndef GRPC_OS_MAIN_PARTS_COPY_HOLD_H_
#define GRPC_OS_MAIN_PARTS_COPY_HOLD_H_

#include "core/process/processes.h"
#include "main/parts/data_directory.h"
#include "main/parts/system_log.h"
#include "protocol/system_identity.h"

namespace grpc_os {

// grpc-os-init records whether the directory is a copy before it starts the daemon. Before anything
// of a copy is used, all of it is read if it was not stopped cleanly.
class CopyHold final : public Part {
 public:
  // `enabled`: a copy is held until `resume`, or else not at all.
  CopyHold(const DataDirectory& directory, const SystemLog& log, bool enabled)
      : directory_(directory), log_(log), enabled_(enabled) {}

  absl::Status Start() override;

  // What is different for each system, copies too; as it was at the start.
  const std::string& system_id() const { return identity_.id; }
  // Before they are loaded.
  absl::Status HoldProcesses(core::Processes& processes);
  // Durable when it returns. On the core's thread, once that runs.
  absl::Status End();

 private:
  absl::Status Check() const;

  const DataDirectory& directory_;
  const SystemLog& log_;
  const bool enabled_;
  protocol::SystemIdentity identity_;  // as recorded
};

}  // namespace grpc_os

#endif  // GRPC_OS_MAIN_PARTS_COPY_HOLD_H_
