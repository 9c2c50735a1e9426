// How the kernel schedules this process.
#ifndef GRPC_OS_HOST_BATCH_SCHEDULING_H_
#define GRPC_OS_HOST_BATCH_SCHEDULING_H_

namespace grpc_os::host {

// Threads that are made from here on, and the caller's, wake without preempting whoever runs
// (SCHED_BATCH, sched(7)); their share of the processors stays the same, and on an idle one they
// run at once. gRPC wakes a thread of its own for each call that is answered from another thread:
// where that preempts the answering one, half of a call's cost is switching (docs/PERFORMANCE.md).
// False: the kernel refused, and everything goes on as before.
bool UseBatchScheduling();

// The calling thread wakes as any other again (SCHED_OTHER).
bool UseNormalScheduling();

}  // namespace grpc_os::host

#endif  // GRPC_OS_HOST_BATCH_SCHEDULING_H_
