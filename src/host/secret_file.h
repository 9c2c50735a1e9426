// The secrets of the data directory, in files of their own. How one is read: base/secret_file.h.
#ifndef GRPC_OS_HOST_SECRET_FILE_H_
#define GRPC_OS_HOST_SECRET_FILE_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace grpc_os::host {

// Refuses (FAILED_PRECONDITION, with the cure) a directory of secrets, or anything in it, that is a
// symbolic link, is another account's (root's is fine), or that others may read or write. OK if
// there is no such directory.
absl::Status CheckSecretDirectory(const std::string& path);

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
