#include "base/secret_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/unique_fd.h"

namespace grpc_os {
namespace {

constexpr size_t kSecretBytes = 4096;

absl::string_view View(std::string_view text) { return {text.data(), text.size()}; }

absl::Status Refuse(std::string_view what, const std::string& path, const std::string& why,
                    const std::string& cure) {
  return absl::FailedPreconditionError(
      absl::StrCat(View(what), " ", path, " ", why, "; run: ", cure));
}

absl::Status CannotRead(std::string_view what, const std::string& path) {
  return absl::UnavailableError(
      absl::StrCat("cannot read ", View(what), " ", path, ": ", strerror(errno)));
}

absl::Status CheckFile(const struct stat& info, const std::string& path, std::string_view what) {
  if (S_ISREG(info.st_mode) && info.st_uid == 0 && info.st_gid == getegid() &&
      (info.st_mode & 037) == 0) {
    return absl::OkStatus();
  }
  return CheckPrivate(info, path, what);
}

}  // namespace

absl::Status CheckPrivate(const struct stat& info, const std::string& path, std::string_view what) {
  if (S_ISLNK(info.st_mode)) {
    return Refuse(
        what, path, "is a symbolic link, and secrets are where they are used",
        absl::StrCat("from=$(readlink -f ", path, ") && rm ", path, " && cp -a \"$from\" ", path));
  }
  if (info.st_uid != geteuid() && info.st_uid != 0) {
    return Refuse(what, path, absl::StrCat("belongs to another account, of uid ", info.st_uid),
                  absl::StrCat("chown ", geteuid(), " ", path));
  }
  if ((info.st_mode & 077) == 0) return absl::OkStatus();
  return Refuse(what, path, "can be read or changed by other accounts",
                absl::StrCat("chmod ", S_ISDIR(info.st_mode) ? "700 " : "600 ", path));
}

absl::Status CheckPrivateFile(const std::string& path, std::string_view what) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return absl::OkStatus();
  return CheckFile(info, path, what);
}

absl::StatusOr<std::optional<std::string>> ReadSecretFile(const std::string& path,
                                                          std::string_view what) {
  const UniqueFd file(
      open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
  if (!file && errno == ENOENT) return std::nullopt;
  struct stat info {};
  if (!file && errno == ELOOP && lstat(path.c_str(), &info) == 0) {
    if (absl::Status status = CheckPrivate(info, path, what); !status.ok()) return status;
    errno = ELOOP;  // it was a link, and is none any more
  }
  if (!file || fstat(file.get(), &info) != 0) return CannotRead(what, path);
  if (absl::Status status = CheckFile(info, path, what); !status.ok()) return status;
  std::string secret(kSecretBytes + 1, '\0');
  const ssize_t size = read(file.get(), secret.data(), secret.size());
  if (size < 0) return CannotRead(what, path);
  if (static_cast<size_t>(size) > kSecretBytes) {
    return absl::FailedPreconditionError(absl::StrCat(
        View(what), " ", path, " is larger than ", kSecretBytes, " bytes; is it the right one?"));
  }
  secret.resize(static_cast<size_t>(size));
  return secret;
}

}  // namespace grpc_os
