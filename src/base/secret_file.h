// Files that hold secrets: whose they are, and who may read them.
#ifndef GRPC_OS_BASE_SECRET_FILE_H_
#define GRPC_OS_BASE_SECRET_FILE_H_

#include <sys/stat.h>

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace grpc_os {

// Refuses (FAILED_PRECONDITION, with the cure) `info`, which is of `path`, if that is a symbolic
// link, is another account's (root's is fine), or others may read or write it. `what`: "the signing
// key".
absl::Status CheckPrivate(const struct stat& info, const std::string& path, std::string_view what);
// The same of one file, links followed; a file of root's may be read by our group. OK if there is
// none.
absl::Status CheckPrivateFile(const std::string& path, std::string_view what);

// What the file holds, at most 4 KiB; nullopt: there is no such file. Links are refused, else as
// CheckPrivateFile; what was checked is what is read.
absl::StatusOr<std::optional<std::string>> ReadSecretFile(const std::string& path,
                                                          std::string_view what);

}  // namespace grpc_os

#endif  // GRPC_OS_BASE_SECRET_FILE_H_
