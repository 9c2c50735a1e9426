#include "host/batch_scheduling.h"

#include <sched.h>

namespace grpc_os::host {

namespace {

bool Use(int policy) {
  const sched_param none{};
  return sched_setscheduler(0, policy, &none) == 0;
}

}  // namespace

bool UseBatchScheduling() { return Use(SCHED_BATCH); }

bool UseNormalScheduling() { return Use(SCHED_OTHER); }

}  // namespace grpc_os::host
