// What unpacking, views and removals share: directories of bundles on disk.
#ifndef GRPC_OS_BUNDLE_TREE_H_
#define GRPC_OS_BUNDLE_TREE_H_

#include <fcntl.h>
#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/unique_fd.h"

namespace grpc_os::bundle {

inline constexpr mode_t kWritable = 0700;        // of a directory that is being filled
inline constexpr mode_t kRootMode = 0500;        // of one that is whole: the root,
inline constexpr mode_t kPlainMode = 0444;       // files
inline constexpr mode_t kExecutableMode = 0555;  // and directories
inline constexpr int kDirectoryFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

// UNAVAILABLE, or core::DiskFullError; `error` is an errno.
absl::Status Failed(const std::string& directory, const std::string& what, int error);
// 64 of 0-9 and a-f.
bool IsDigest(std::string_view text);
absl::Status CheckDigest(const std::string& digest);
absl::StatusOr<UniqueFd> OpenDirectory(const std::string& path);
absl::StatusOr<std::vector<std::string>> NamesIn(int directory);
// Removes `name` with all below it, also where nobody may write to it.
absl::Status RemoveTree(int in, const std::string& name);

// A name for what is not whole yet; RemovePartials removes such.
std::string PartialName(const std::string& name);
bool IsPartialName(std::string_view name);
// Gives what was filled under `partial` its name, durably; what another thread has made meanwhile
// stays instead.
absl::Status Publish(int in, const std::string& directory, const std::string& partial,
                     const std::string& name);

}  // namespace grpc_os::bundle

#endif  // GRPC_OS_BUNDLE_TREE_H_
