// Processes as rows. Each function runs inside a transaction of its caller.
#ifndef GRPC_OS_STORE_PROCESS_TABLE_H_
#define GRPC_OS_STORE_PROCESS_TABLE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/process/process.h"
#include "store/database.h"

namespace grpc_os::store {

// Inserts or replaces by id, under `revision`. The spec is written only if the generation is
// another than the stored one. ALREADY_EXISTS (NAME_TAKEN): the name is another row's.
absl::Status PutProcess(Connection& connection, const core::Process& process, int64_t revision);
// An id that is not there is fine.
absl::Status RemoveProcess(Connection& connection, const std::string& id);
// In the order of ids. DATA_LOSS: a row holds what cannot be.
absl::StatusOr<std::vector<core::Process>> ReadProcesses(Connection& connection);

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_PROCESS_TABLE_H_
