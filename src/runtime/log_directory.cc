#include "runtime/log_directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "protocol/log_format.h"

namespace grpc_os::runtime {
namespace {

absl::Status RefusedKind(const std::string& name, const char* expected) {
  return absl::FailedPreconditionError(absl::StrCat("expected ", expected, " at logs/…/", name,
                                                    ", found something else; remove it"));
}

}  // namespace

absl::StatusOr<LogDirectory> LogDirectory::Open(int parent, const std::string& name) {
  UniqueFd fd(openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (fd) return LogDirectory(std::move(fd));
  if (errno == ENOTDIR || errno == ELOOP) return RefusedKind(name, "a directory");
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot open the log directory ", name));
}

absl::StatusOr<std::vector<uint64_t>> LogDirectory::Segments() const {
  // A stream of its own: the position of a shared one would be shared too.
  UniqueFd fd(openat(fd_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) {
    // A removed directory has nothing in it.
    if (errno == ENOENT) return std::vector<uint64_t>();
    return absl::ErrnoToStatus(errno, "cannot list a log directory");
  }
  std::unique_ptr<DIR, int (*)(DIR*)> stream(fdopendir(fd.get()), closedir);
  if (stream == nullptr) return absl::ErrnoToStatus(errno, "cannot list a log directory");
  (void)fd.Release();  // the stream's from here on
  std::vector<uint64_t> segments;
  errno = 0;
  while (const dirent* entry = readdir(stream.get())) {
    if (const auto number = protocol::SegmentNumber(entry->d_name)) segments.push_back(*number);
    errno = 0;
  }
  if (errno != 0) return absl::ErrnoToStatus(errno, "cannot list a log directory");
  std::sort(segments.begin(), segments.end());
  return segments;
}

bool LogDirectory::Has(uint64_t segment) const {
  struct stat status {};
  return fstatat(fd_.get(), protocol::SegmentName(segment).c_str(), &status, AT_SYMLINK_NOFOLLOW) ==
         0;
}

absl::StatusOr<UniqueFd> LogDirectory::OpenSegment(uint64_t segment) const {
  const std::string name = protocol::SegmentName(segment);
  UniqueFd fd(openat(fd_.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd) {
    if (errno == ELOOP) return RefusedKind(name, "a regular file");
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot open the log segment ", name));
  }
  struct stat status {};
  if (fstat(fd.get(), &status) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot open the log segment ", name));
  }
  if (!S_ISREG(status.st_mode)) return RefusedKind(name, "a regular file");
  return fd;
}

}  // namespace grpc_os::runtime
