// Whether what a database holds can be: for `grpc-osd --check`.
#ifndef GRPC_OS_STORE_CHECK_H_
#define GRPC_OS_STORE_CHECK_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "store/database.h"

namespace grpc_os::store {

struct CheckReport {
  std::vector<std::string> findings;  // one sentence each; none: all is well
  std::string summary;                // "revision 17, 3 processes, …"
};

// Reads everything behind `reader` in one snapshot: each row can be read, and what has to hold
// between them holds. The error is of the storage.
absl::StatusOr<CheckReport> CheckContent(Connection& reader, const Dialect& dialect);

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_CHECK_H_
