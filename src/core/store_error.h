// Failures of the store, for users.
#ifndef GRPC_OS_CORE_STORE_ERROR_H_
#define GRPC_OS_CORE_STORE_ERROR_H_

#include "absl/status/status.h"

namespace grpc_os::core {

// What a store answered, as users are to hear it: UNAVAILABLE (STORE_UNAVAILABLE), with a time to
// retry after, where it could not write; anything else as it is.
absl::Status FromStore(const absl::Status& status);

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_STORE_ERROR_H_
