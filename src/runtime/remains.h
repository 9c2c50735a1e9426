// What a deleted process leaves on disk.
#ifndef GRPC_OS_RUNTIME_REMAINS_H_
#define GRPC_OS_RUNTIME_REMAINS_H_

#include <string>

#include "absl/status/status.h"

namespace grpc_os::runtime {

// Removes the directory `name` in `directory` and all in it. Follows no symbolic link: what one
// points to stays. OK if it is not there.
absl::Status RemoveTree(const std::string& directory, const std::string& name);

}  // namespace grpc_os::runtime

#endif  // GRPC_OS_RUNTIME_REMAINS_H_
