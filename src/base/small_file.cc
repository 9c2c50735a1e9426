#include "base/small_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/disk_space.h"
#include "base/unique_fd.h"

namespace grpc_os {
namespace {

constexpr int kFlags = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;

bool IsOneFile(int fd) {
  struct stat status {};
  return fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_nlink == 1;
}

bool WriteAll(int fd, std::string_view text) {
  const ssize_t wrote = pwrite(fd, text.data(), text.size(), 0);
  if (wrote == static_cast<ssize_t>(text.size())) return true;
  if (wrote >= 0) errno = ENOSPC;  // what a short write to a regular file means
  return false;
}

bool Has(int directory, const std::string& name, std::string_view text) {
  const UniqueFd file(openat(directory, name.c_str(), O_RDONLY | kFlags));
  if (!file || !IsOneFile(file.get())) return false;
  std::string found(text.size() + 1, '\0');
  const ssize_t size = pread(file.get(), found.data(), found.size(), 0);
  return size == static_cast<ssize_t>(text.size()) && found.compare(0, text.size(), text) == 0;
}

bool WriteBeside(int directory, const std::string& name, std::string_view text, mode_t mode) {
  const std::string fresh = name + ".new";
  unlinkat(directory, fresh.c_str(), 0);
  const UniqueFd file(openat(directory, fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | kFlags, mode));
  if (file && WriteAll(file.get(), text) &&
      renameat(directory, fresh.c_str(), directory, name.c_str()) == 0)
    return true;
  const int error = errno;
  unlinkat(directory, fresh.c_str(), 0);
  errno = error;
  return false;
}

bool WriteInPlace(int directory, const std::string& name, std::string_view text) {
  const UniqueFd file(openat(directory, name.c_str(), O_WRONLY | kFlags));
  return file && IsOneFile(file.get()) && WriteAll(file.get(), text) &&
         ftruncate(file.get(), static_cast<off_t>(text.size())) == 0;
}

}  // namespace

int ReplaceSmallFile(int directory, const std::string& name, std::string_view text,
                     unsigned int mode) {
  if (Has(directory, name, text)) return 0;
  if (WriteBeside(directory, name, text, mode)) return 0;
  const int error = errno;
  if (IsDiskFull(error) && WriteInPlace(directory, name, text)) return 0;
  return error;
}

}  // namespace grpc_os
