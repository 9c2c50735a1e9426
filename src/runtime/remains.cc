#include "runtime/remains.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/unique_fd.h"

namespace grpc_os::runtime {
namespace {

// Logs are flat; what is deeper than this was not made by us.
constexpr int kDepth = 16;

UniqueFd OpenDirectoryAt(int parent, const char* name) {
  return UniqueFd(openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

absl::Status RemoveAt(int parent, const char* name, int depth);

absl::Status RemoveContents(UniqueFd directory, const char* name, int depth) {
  std::unique_ptr<DIR, int (*)(DIR*)> stream(fdopendir(directory.get()), closedir);
  if (stream == nullptr) return absl::ErrnoToStatus(errno, absl::StrCat("cannot list ", name));
  const int fd = directory.Release();  // the stream's from here on
  for (;;) {
    errno = 0;
    const dirent* entry = readdir(stream.get());
    if (entry == nullptr) break;
    const std::string_view entry_name = entry->d_name;
    if (entry_name == "." || entry_name == "..") continue;
    if (absl::Status removed = RemoveAt(fd, entry->d_name, depth); !removed.ok()) return removed;
  }
  return errno == 0 ? absl::OkStatus()
                    : absl::ErrnoToStatus(errno, absl::StrCat("cannot list ", name));
}

absl::Status RemoveAt(int parent, const char* name, int depth) {
  if (unlinkat(parent, name, 0) == 0 || errno == ENOENT) return absl::OkStatus();
  if (errno != EISDIR && errno != EPERM)
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot remove ", name));
  if (depth == 0) {
    return absl::FailedPreconditionError(absl::StrCat("cannot remove ", name,
                                                      ": directories lie more than ", kDepth,
                                                      " deep; remove it by hand"));
  }
  UniqueFd directory = OpenDirectoryAt(parent, name);
  if (!directory) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", name));
  if (absl::Status removed = RemoveContents(std::move(directory), name, depth - 1); !removed.ok()) {
    return removed;
  }
  if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot remove ", name));
}

}  // namespace

absl::Status RemoveTree(const std::string& directory, const std::string& name) {
  UniqueFd parent = OpenDirectoryAt(AT_FDCWD, directory.c_str());
  if (!parent) {
    return errno == ENOENT ? absl::OkStatus()
                           : absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", directory));
  }
  return RemoveAt(parent.get(), name.c_str(), kDepth);
}

}  // namespace grpc_os::runtime
