// What the stores in memory do with an envelope, as the real one does.
#ifndef GRPC_OS_TESTING_RECORDED_H_
#define GRPC_OS_TESTING_RECORDED_H_

#include <vector>

#include "core/change/envelope.h"

namespace grpc_os::testing {

// With its change; SetWritten comes when that is durable.
inline void Record(const core::Envelope& envelope, std::vector<core::AuditRecord>& audit,
                   std::vector<core::CommittedRequest>& requests) {
  for (const core::Origin& origin : envelope.origins()) {
    audit.push_back(origin.record);
    if (origin.request) requests.push_back(*origin.request);
  }
}

}  // namespace grpc_os::testing

#endif  // GRPC_OS_TESTING_RECORDED_H_
