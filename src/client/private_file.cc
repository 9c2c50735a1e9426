#include "client/private_file.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "base/id.h"
#include "base/unique_fd.h"

namespace grpc_os::client {
namespace {

absl::Status FileError(const std::string& what, const std::string& path) {
  return absl::UnavailableError(absl::StrCat(what, " ", path, ": ", std::strerror(errno), "."));
}

absl::Status WriteAll(int fd, std::string_view content, const std::string& path) {
  while (!content.empty()) {
    const ssize_t n = ::write(fd, content.data(), content.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FileError("Cannot write", path);
    content.remove_prefix(static_cast<size_t>(n));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::optional<std::string>> ReadPrivateFile(const std::string& path, size_t most) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  if (!fd) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    if (errno == ELOOP) return absl::FailedPreconditionError(kIsLink);
    return FileError("Cannot open", path);
  }
  struct stat info = {};
  if (::fstat(fd.get(), &info) != 0) return FileError("Cannot read", path);
  if (!S_ISREG(info.st_mode)) return absl::FailedPreconditionError(kIsNoFile);
  if (info.st_uid != ::geteuid()) return absl::FailedPreconditionError(kIsOfAnother);
  if ((info.st_mode & 077) != 0) return absl::FailedPreconditionError(kIsReadable);
  std::string text(most + 1, '\0');
  size_t size = 0;
  while (size < text.size()) {
    const ssize_t n = ::read(fd.get(), text.data() + size, text.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FileError("Cannot read", path);
    if (n == 0) break;
    size += static_cast<size_t>(n);
  }
  if (size > most) return absl::FailedPreconditionError(kIsLong);
  text.resize(size);
  return text;
}

absl::Status MakePrivateDirectory(const std::string& directory) {
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(directory).parent_path(), error);
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
    return FileError("Cannot make the directory", directory);
  }
  return absl::OkStatus();
}

absl::StatusOr<UniqueFd> LockPrivateFile(const std::string& path,
                                         std::chrono::milliseconds patience,
                                         const std::string& busy) {
  const std::string directory = std::filesystem::path(path).parent_path().string();
  if (auto status = MakePrivateDirectory(directory); !status.ok()) return status;
  const std::string lock = path + ".lock";
  UniqueFd fd(::open(lock.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return FileError("Cannot open", lock);
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) return FileError("Cannot lock", lock);
    if (std::chrono::steady_clock::now() >= deadline) return absl::UnavailableError(busy);
    ::poll(nullptr, 0, 10);
  }
  return fd;
}

absl::Status WritePrivateFile(const std::string& path, std::string_view text) {
  const std::string directory = std::filesystem::path(path).parent_path().string();
  if (auto status = MakePrivateDirectory(directory); !status.ok()) return status;
  const std::string temporary = absl::StrCat(directory, "/.new-", RandomHex128());
  UniqueFd fd(
      ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return FileError("Cannot write", temporary);
  absl::Status status = WriteAll(fd.get(), text, temporary);
  if (status.ok() && ::fsync(fd.get()) != 0) status = FileError("Cannot write", temporary);
  fd.Reset();
  if (status.ok() && ::rename(temporary.c_str(), path.c_str()) != 0) {
    status = FileError("Cannot write", path);
  }
  if (!status.ok()) ::unlink(temporary.c_str());
  return status;
}

}  // namespace grpc_os::client
