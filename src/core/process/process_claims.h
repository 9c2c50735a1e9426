// The port to what processes have that others may not have too: volumes, domains.
#ifndef GRPC_OS_CORE_PROCESS_PROCESS_CLAIMS_H_
#define GRPC_OS_CORE_PROCESS_PROCESS_CLAIMS_H_

#include "absl/status/status.h"
#include "core/change/envelope.h"
#include "core/process/process.h"

namespace grpc_os::core {

class ProcessClaims {
 public:
  virtual ~ProcessClaims() = default;

  // The process, as it is to be, takes what its spec names, beside what it has, until Settle; or is
  // refused, and takes nothing. `origin`: who asks; null: nobody.
  virtual absl::Status Take(const Process& process, const Origin* origin) = 0;
  // The process, as it is committed, has what its spec names, and nothing else; or it is not there
  // (any more), and has nothing.
  virtual void Settle(const Process& process, bool there) = 0;
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_PROCESS_PROCESS_CLAIMS_H_
