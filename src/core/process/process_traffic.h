// The port to the requests that processes have (core/domain).
#ifndef GRPC_OS_CORE_PROCESS_PROCESS_TRAFFIC_H_
#define GRPC_OS_CORE_PROCESS_PROCESS_TRAFFIC_H_

#include <functional>

#include "core/process/process.h"

namespace grpc_os::core {

// All on the core's thread.
class ProcessTraffic {
 public:
  virtual ~ProcessTraffic() = default;

  // The process, as it runs now, is about to be stopped: no new requests go to this execution of
  // it. False: it can have none. True: `done` comes once, later: it has none any more, or they were
  // waited for long enough.
  virtual bool Drain(const Process& process, std::function<void()> done) = 0;
  // It is not stopped after all.
  virtual void EndDrain(const Process& process) = 0;
  // The newest there is of a process, stored or not; or it is not there any more.
  virtual void OnChanged(const Process& process, bool there) = 0;
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_PROCESS_PROCESS_TRAFFIC_H_
