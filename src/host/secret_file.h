// Secrets in files of their own.
#ifndef GRPC_OS_HOST_SECRET_FILE_H_
#define GRPC_OS_HOST_SECRET_FILE_H_

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace grpc_os::host {

// What the file holds, at most 4 KiB of it; nullopt: there is no such file. FAILED_PRECONDITION if
// others may read it. `what`: "the signing key".
absl::StatusOr<std::optional<std::string>> ReadSecretFile(const std::string& path,
                                                          std::string_view what);
// Mode 0600; durable when it returns, and whole or not there at all.
absl::Status WriteSecretFile(const std::string& path, std::string_view secret,
                             std::string_view what);

// The 32 random bytes in `path`, made if there is no such file. FAILED_PRECONDITION if it is
// damaged or readable by others.
absl::StatusOr<std::string> LoadOrMakeKey(const std::string& path);
// The password in `path`, on a line of its own; made of 20 random letters and digits (100 bits) if
// there is no such file. FAILED_PRECONDITION as above.
absl::StatusOr<std::string> LoadOrMakePassword(const std::string& path);

}  // namespace grpc_os::host

#endif  // GRPC_OS_HOST_SECRET_FILE_H_
