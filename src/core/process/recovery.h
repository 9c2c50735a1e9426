// The end of a daemon's recovery: what happened while there was none is known and stored.
#ifndef GRPC_OS_CORE_PROCESS_RECOVERY_H_
#define GRPC_OS_CORE_PROCESS_RECOVERY_H_

#include <functional>
#include <string>
#include <utility>

#include "core/logger.h"
#include "core/process/process_store.h"
#include "core/process/processes.h"
#include "core/scheduler.h"

namespace grpc_os::core {

// Records the boot of the machine once what follows from a reboot is stored; until then the next
// daemon must see the reboot too. On the core's thread; outlives the answers of the store.
class Recovery {
 public:
  struct Parts {
    const Processes& processes;
    ProcessStore& store;
    Scheduler& scheduler;
    Logger& logger;
  };
  // `recorded`: the store has this boot already.
  Recovery(const Parts& parts, std::string boot_id, bool recorded)
      : parts_(parts), boot_id_(std::move(boot_id)), recorded_(recorded) {}

  // Calls `then`, on some thread, once each supervisor has reported and the boot is recorded, or
  // cannot be yet. Bounded: a supervisor that hangs does not keep the others from being served.
  void AwaitReports(std::function<void()> then);
  // Records the boot if that is due. About once a second.
  void Tick();

 private:
  void Poll();
  void EndWait();
  void RecordBoot(std::function<void()> then);

  const Parts parts_;
  const std::string boot_id_;
  bool recorded_;  // or about to be
  std::function<void()> waiting_;
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_PROCESS_RECOVERY_H_
