#ifndef GRPC_OS_MANIFEST_READ_TEXT_H_
#define GRPC_OS_MANIFEST_READ_TEXT_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace grpc_os::manifest {

// A small file that somebody named. `what` it is: "the settings file". NOT_FOUND,
// PERMISSION_DENIED or another code of its errno if it cannot be read, INVALID_ARGUMENT if it has
// more than `most_bytes`. Never waits for a writer, whatever kind of file it is.
absl::StatusOr<std::string> ReadText(const std::string& path, const char* what, int64_t most_bytes);

}  // namespace grpc_os::manifest

#endif  // GRPC_OS_MANIFEST_READ_TEXT_H_
