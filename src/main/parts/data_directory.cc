#include "main/parts/data_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "host/secret_file.h"

namespace grpc_os {
namespace {

absl::Status MakeDirectory(const std::string& path) {
  if (mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("cannot make the directory ", path, ": ",
                                             strerror(errno), "; choose another with --data-dir"));
}

constexpr char kLock[] = "run/osd.lock";

absl::StatusOr<UniqueFd> TakeLock(const std::string& path) {
  UniqueFd lock(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock)
    return absl::UnavailableError(absl::StrCat("cannot write ", path, ": ", strerror(errno),
                                               "; is the data directory read-only?"));
  if (flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    return absl::UnavailableError(
        absl::StrCat("another grpc-osd runs on this data directory (it holds ", path,
                     "); stop it first, or choose another --data-dir"));
  }
  return lock;
}

}  // namespace

absl::Status DataDirectory::Start() {
  for (const char* directory : {"", "/run", "/logs", "/logs/system", "/secrets"}) {
    if (absl::Status status = MakeDirectory(path_ + directory); !status.ok()) return status;
  }
  if (absl::Status status = host::CheckSecretDirectory(PathOf("secrets")); !status.ok())
    return status;
  auto lock = TakeLock(PathOf(kLock));
  if (!lock.ok()) return lock.status();
  lock_ = *std::move(lock);
  directory_.Reset(open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return absl::OkStatus();
}

// run/ is made again by init.
void DataDirectory::Tick(int64_t /*now_ms*/) {
  struct stat there {
  }, ours{};
  if (fstatat(directory_.get(), kLock, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
      fstat(lock_.get(), &ours) == 0 && there.st_ino == ours.st_ino &&
      there.st_dev == ours.st_dev) {
    return;
  }
  if (auto lock = TakeLock(PathOf(kLock)); lock.ok()) lock_ = *std::move(lock);
}

std::string DataDirectory::PathOf(const std::string& name) const {
  return absl::StrCat(path_, "/", name);
}

}  // namespace grpc_os
