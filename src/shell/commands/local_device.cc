#include "shell/commands/local_device.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"

namespace grpc_os::shell {
namespace {

constexpr int kLookForInterruptMs = 100;

absl::Status CannotWrite(const std::string& path) {
  const std::string message = absl::StrCat("Cannot write ", path, ": ", std::strerror(errno), ".");
  if (errno == EACCES || errno == EPERM) return absl::PermissionDeniedError(message);
  return absl::UnknownError(message);
}

}  // namespace

bool LeadsToADescriptor(const std::filesystem::path& path) {
  constexpr int kLinksFollowed = 40;  // as the kernel does
  std::filesystem::path link = path;
  std::error_code error;
  for (int i = 0; i < kLinksFollowed; ++i) {
    const std::filesystem::path directory =
        std::filesystem::canonical(std::filesystem::absolute(link).parent_path(), error);
    if (error) return false;
    const std::filesystem::path next = std::filesystem::read_symlink(link, error);
    if (error) return false;  // no link any more
    if (directory.string().starts_with("/proc/")) return true;
    link = directory / next;  // which is `next`, if that is absolute
  }
  return false;
}

bool IsDescriptor(const std::string& path, int fd) {
  struct stat named = {};
  struct stat own = {};
  return LeadsToADescriptor(path) && ::stat(path.c_str(), &named) == 0 && ::fstat(fd, &own) == 0 &&
         named.st_dev == own.st_dev && named.st_ino == own.st_ino && named.st_rdev == own.st_rdev;
}

LocalDevice::LocalDevice(Session& session, std::string path, UniqueFd fd)
    : session_(&session), path_(std::move(path)), fd_(std::move(fd)) {}

absl::StatusOr<LocalDevice> LocalDevice::Open(Session& session, const std::string& path) {
  // O_APPEND: behind what a program that has the file open has written to it.
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!fd) {
    if (errno != ENXIO) return CannotWrite(path);
    return absl::FailedPreconditionError(
        absl::StrCat("Nobody reads ", path, " just now; start its reader first."));
  }
  if (::isatty(fd.get()) == 1) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, " is a terminal, on which bytes of an object could act; `",
                     session.Typed("cat"), "` shows them safely."));
  }
  return LocalDevice(session, path, std::move(fd));
}

absl::Status LocalDevice::Write(std::string_view data) {
  while (!data.empty()) {
    if (session_->interrupted()) return absl::CancelledError("Interrupted.");
    struct pollfd poll_fd = {.fd = fd_.get(), .events = POLLOUT, .revents = 0};
    if (::poll(&poll_fd, 1, kLookForInterruptMs) <= 0) continue;
    const ssize_t n = ::write(fd_.get(), data.data(), data.size());
    if (n < 0 && errno != EINTR && errno != EAGAIN) return CannotWrite(path_);
    if (n > 0) data.remove_prefix(static_cast<size_t>(n));
  }
  return absl::OkStatus();
}

}  // namespace grpc_os::shell
