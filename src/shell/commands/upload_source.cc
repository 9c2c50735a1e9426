#include "shell/commands/upload_source.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace grpc_os::shell {
namespace {

// Of what comes only once so much is kept, and sent in one stream.
constexpr size_t kWindowBytes = size_t{8} << 20;
constexpr size_t kReadBytes = size_t{256} << 10;
constexpr int kLookForInterruptMs = 100;

absl::Status FileError(const std::string& what, const std::string& path) {
  const std::string message = absl::StrCat(what, " ", path, ": ", std::strerror(errno), ".");
  if (errno == ENOENT) return absl::NotFoundError(message);
  if (errno == EACCES || errno == EPERM) return absl::PermissionDeniedError(message);
  return absl::UnknownError(message);
}

}  // namespace

FileSource::FileSource(UniqueFd fd, std::string path, const struct stat& info)
    : fd_(std::move(fd)), path_(std::move(path)), info_(info) {}

absl::StatusOr<std::unique_ptr<FileSource>> FileSource::Open(const std::string& path,
                                                             UniqueFd& other) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return FileError("Cannot read", path);
  struct stat info = {};
  if (::fstat(fd.get(), &info) != 0) return FileError("Cannot read", path);
  if (S_ISDIR(info.st_mode)) {
    return absl::InvalidArgumentError(absl::StrCat(path, " is a directory; name the files in it."));
  }
  if (!S_ISREG(info.st_mode)) {
    other = std::move(fd);
    return nullptr;
  }
  return std::unique_ptr<FileSource>(new FileSource(std::move(fd), path, info));
}

absl::StatusOr<std::unique_ptr<FileSource>> FileSource::Of(UniqueFd fd, const std::string& name) {
  struct stat info = {};
  if (::fstat(fd.get(), &info) != 0) return FileError("Cannot read", name);
  return std::unique_ptr<FileSource>(new FileSource(std::move(fd), name, info));
}

bool FileSource::KnowsItsSize() const {
  return info_.st_blocks > 0 || info_.st_size > ::sysconf(_SC_PAGESIZE);
}

absl::StatusOr<int64_t> FileSource::Prepare(int64_t offset) {
  return std::max<int64_t>(0, info_.st_size - offset);
}

absl::StatusOr<std::string> FileSource::Read(int64_t offset, size_t most) {
  std::string data(std::min(most, static_cast<size_t>(info_.st_size - offset)), '\0');
  size_t size = 0;
  while (size < data.size()) {
    const ssize_t n = ::pread(fd_.get(), data.data() + size, data.size() - size,
                              offset + static_cast<off_t>(size));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FileError("Cannot read", path_);
    if (n == 0)
      return CheckUnchanged().ok() ? absl::UnknownError(path_ + " ended early.") : CheckUnchanged();
    size += static_cast<size_t>(n);
  }
  return data;
}

absl::Status FileSource::CheckUnchanged() const {
  struct stat now = {};
  if (::fstat(fd_.get(), &now) != 0) return FileError("Cannot read", path_);
  if (now.st_size == info_.st_size && now.st_mtim.tv_sec == info_.st_mtim.tv_sec &&
      now.st_mtim.tv_nsec == info_.st_mtim.tv_nsec) {
    return absl::OkStatus();
  }
  return absl::AbortedError(
      absl::StrCat(path_, " changed while it was read; nothing of it was stored. Try again."));
}

std::string FileSource::Identity() const {
  return absl::StrCat(info_.st_dev, ":", info_.st_ino, ":", info_.st_size, ":",
                      info_.st_mtim.tv_sec, ".", info_.st_mtim.tv_nsec);
}

StreamSource::StreamSource(Session& session, int fd, std::string name)
    : session_(session), fd_(fd), name_(std::move(name)) {}

absl::StatusOr<int64_t> StreamSource::Prepare(int64_t offset) {
  kept_.erase(0, std::min(kept_.size(), static_cast<size_t>(offset - kept_from_)));
  kept_from_ = offset;
  while (!ended_ && kept_.size() < kWindowBytes) {
    struct pollfd poll_fd = {.fd = fd_, .events = POLLIN, .revents = 0};
    const int ready = ::poll(&poll_fd, 1, kLookForInterruptMs);
    if (session_.interrupted()) return absl::CancelledError("Interrupted.");
    if (ready <= 0) continue;
    const size_t before = kept_.size();
    kept_.resize(before + kReadBytes);
    const ssize_t n = ::read(fd_, kept_.data() + before, kReadBytes);
    kept_.resize(before + static_cast<size_t>(std::max<ssize_t>(n, 0)));
    if (n < 0 && errno != EINTR && errno != EAGAIN) return FileError("Cannot read", name_);
    ended_ = n == 0;
  }
  return static_cast<int64_t>(kept_.size());
}

absl::StatusOr<std::string> StreamSource::Read(int64_t offset, size_t most) {
  return kept_.substr(static_cast<size_t>(offset - kept_from_), most);
}

}  // namespace grpc_os::shell
