#include "host/batch_scheduling.h"

#include <sched.h>

namespace grpc_os::host {

bool UseBatchScheduling() {
  const sched_param none{};
  return sched_setscheduler(0, SCHED_BATCH, &none) == 0;
}

}  // namespace grpc_os::host
