#include "shell/commands/local_target.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/disk_space.h"
#include "client/crc32c.h"

namespace grpc_os::shell {
namespace {

constexpr size_t kReadBytes = size_t{1} << 20;
// Of the file's name, so that what is added to it fits into the 255 bytes of a name.
constexpr size_t kNameBytes = 200;

absl::Status FileError(const std::string& what, const std::string& path) {
  const std::string message = absl::StrCat(what, " ", path, ": ", std::strerror(errno), ".");
  if (errno == ENOENT || errno == ENOTDIR) return absl::NotFoundError(message);
  if (errno == EACCES || errno == EPERM) return absl::PermissionDeniedError(message);
  return absl::UnknownError(message);
}

// The mode that the new file gets: that of the old one, else what the user's umask leaves.
mode_t ModeFor(const std::string& path) {
  struct stat info = {};
  if (::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode)) return info.st_mode & 0777;
  const mode_t mask = ::umask(0);
  ::umask(mask);
  return 0666 & ~mask;
}

// Where there must be nothing of the name yet.
absl::Status RenameToNothing(const std::string& from, const std::string& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) {
    return absl::OkStatus();
  }
  if (errno == EINVAL || errno == ENOSYS) {  // not every file system can
    struct stat info = {};
    if (::lstat(to.c_str(), &info) == 0) {
      errno = EEXIST;
    } else if (::rename(from.c_str(), to.c_str()) == 0) {
      return absl::OkStatus();
    }
  }
  if (errno != EEXIST) return FileError("Cannot write", to);
  return absl::AlreadyExistsError(
      absl::StrCat(to, " was made meanwhile by another program, and is kept."));
}

}  // namespace

LocalTarget::LocalTarget(std::string path, std::string part, UniqueFd fd)
    : path_(std::move(path)), part_(std::move(part)), fd_(std::move(fd)) {}

LocalTarget::~LocalTarget() {
  if (fd_ && size_ == 0 && !committed_) ::unlink(part_.c_str());
}

absl::StatusOr<LocalTarget> LocalTarget::Open(const std::string& path, const std::string& mark) {
  const std::filesystem::path whole(path);
  const std::filesystem::path directory = whole.parent_path();
  const std::string part =
      (directory /
       absl::StrCat(".", whole.filename().string().substr(0, kNameBytes), ".", mark, ".part"))
          .string();
  UniqueFd fd(::open(part.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600));
  const bool is_link = !fd && errno == ELOOP;
  if (!fd && !is_link) return FileError("Cannot write", part);
  struct stat info = {};
  if (!is_link && ::fstat(fd.get(), &info) != 0) return FileError("Cannot write", part);
  if (is_link || !S_ISREG(info.st_mode) || info.st_uid != ::geteuid() ||
      (info.st_mode & 077) != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat(part, " is not a file of yours alone; remove it and try again."));
  }
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("Another program writes ", part, " just now; wait until it is done."));
  }
  LocalTarget target(path, part, std::move(fd));
  if (absl::Status status = target.ReadWhatIsThere(); !status.ok()) return status;
  return target;
}

absl::Status LocalTarget::ReadWhatIsThere() {
  std::vector<char> buffer(kReadBytes);
  while (true) {
    const ssize_t n = ::read(fd_.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FileError("Cannot read", part_);
    if (n == 0) return absl::OkStatus();
    crc32c_ = client::ExtendCrc32c(crc32c_, {buffer.data(), static_cast<size_t>(n)});
    size_ += n;
  }
}

absl::Status LocalTarget::Append(std::string_view data) {
  while (!data.empty()) {
    const ssize_t n = ::write(fd_.get(), data.data(), data.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return NotWritten();
    crc32c_ = client::ExtendCrc32c(crc32c_, data.substr(0, static_cast<size_t>(n)));
    size_ += n;
    data.remove_prefix(static_cast<size_t>(n));
  }
  return absl::OkStatus();
}

absl::Status LocalTarget::NotWritten() const {
  const bool full = IsDiskFull(errno);
  const absl::Status status = FileError("Cannot write", part_);
  if (!full || size_ == 0) return status;
  return absl::UnknownError(absl::StrCat(status.message(), " ", size_,
                                         " bytes are there: make room, and run the same command "
                                         "again to resume."));
}

absl::Status LocalTarget::Restart() {
  if (::ftruncate(fd_.get(), 0) != 0 || ::lseek(fd_.get(), 0, SEEK_SET) != 0) {
    return FileError("Cannot write", part_);
  }
  size_ = 0;
  crc32c_ = 0;
  return absl::OkStatus();
}

absl::Status LocalTarget::Commit(bool replace) {
  if (::fchmod(fd_.get(), ModeFor(path_)) != 0 || ::fsync(fd_.get()) != 0) {
    return FileError("Cannot write", part_);
  }
  if (!replace) {
    if (absl::Status status = RenameToNothing(part_, path_); !status.ok()) return status;
  } else if (::rename(part_.c_str(), path_.c_str()) != 0) {
    return FileError("Cannot write", path_);
  }
  committed_ = true;
  std::string directory = std::filesystem::path(path_).parent_path().string();
  if (directory.empty()) directory = ".";
  const UniqueFd opened(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened || ::fsync(opened.get()) != 0) return FileError("Cannot sync", directory);
  return absl::OkStatus();
}

}  // namespace grpc_os::shell
