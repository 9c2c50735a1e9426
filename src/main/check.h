// `grpc-osd --check DIR`: whether a data directory holds what it should.
#ifndef GRPC_OS_MAIN_CHECK_H_
#define GRPC_OS_MAIN_CHECK_H_

#include <string>

#include "absl/status/statusor.h"
#include "store/check.h"

namespace grpc_os {

// Reads the database and all contents, those in files too. Prints what it finds, one sentence a
// line, or "OK: revision N, …", and changes nothing but the lock it takes. The exit code: 0, or 1
// where something was found, a grpc-osd runs there, or it cannot be read.
int CheckDataDirectory(const std::string& directory);

// The same look at a directory whose lock the caller has. The error: it cannot be read.
absl::StatusOr<store::CheckReport> CheckLockedDirectory(const std::string& directory);

}  // namespace grpc_os

#endif  // GRPC_OS_MAIN_CHECK_H_
