// Files of a user's own that nobody else may read or have made.
#ifndef GRPC_OS_CLIENT_PRIVATE_FILE_H_
#define GRPC_OS_CLIENT_PRIVATE_FILE_H_

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/unique_fd.h"

namespace grpc_os::client {

// What may be wrong with one.
inline constexpr char kIsLink[] = "is a symbolic link";
inline constexpr char kIsNoFile[] = "is not a regular file";
inline constexpr char kIsOfAnother[] = "belongs to another account";
inline constexpr char kIsReadable[] = "can be read by others";
inline constexpr char kIsLong[] = "is too long";

// The content; nullopt if there is no such file. FAILED_PRECONDITION, with what is wrong with it as
// the whole message; kIsLong: it has more than `most` bytes. UNAVAILABLE: it cannot be read.
absl::StatusOr<std::optional<std::string>> ReadPrivateFile(const std::string& path, size_t most);

// Replaces the whole file (0600) by rename, synced: after a power cut it is the old or the new. Its
// directory is made (0700) if it is not there.
absl::Status WritePrivateFile(const std::string& path, std::string_view text);

// Keeps every other holder of the lock of `path` (a file beside it) away, in this program too,
// until what is returned is closed; the system does that for a program that dies. UNAVAILABLE: not
// had within `patience`, with `busy` as the message, or the lock's file cannot be made.
absl::StatusOr<UniqueFd> LockPrivateFile(const std::string& path,
                                         std::chrono::milliseconds patience,
                                         const std::string& busy);

// 0700; its parents as the user's umask wants them.
absl::Status MakePrivateDirectory(const std::string& directory);

}  // namespace grpc_os::client

#endif  // GRPC_OS_CLIENT_PRIVATE_FILE_H_
