// What schema version 6 does with the processes of version 5.
#ifndef GRPC_OS_STORE_PROCESS_SPEC_MIGRATION_H_
#define GRPC_OS_STORE_PROCESS_SPEC_MIGRATION_H_

#include "absl/status/status.h"
#include "store/database.h"

namespace grpc_os::store {

// Writes into process_specs what the columns of processes, process_environments and
// process_secrets say; a spec that is there already stays. DATA_LOSS: a row holds what cannot be.
absl::Status EncodeProcessSpecs(Connection& connection);

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_PROCESS_SPEC_MIGRATION_H_
