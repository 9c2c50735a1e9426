// What this program uses of the machine.
#ifndef GRPC_OS_GATEWAY_SELF_METRICS_H_
#define GRPC_OS_GATEWAY_SELF_METRICS_H_

#include "gateway/exposition.h"

namespace grpc_os::gateway {

// The standard process_* families: https://prometheus.io/docs/instrumenting/writing_clientlibs/.
// One that cannot be read is left out.
void AddSelfMetrics(Exposition& page);

}  // namespace grpc_os::gateway

#endif  // GRPC_OS_GATEWAY_SELF_METRICS_H_
