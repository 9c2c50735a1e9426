#include "host/volume_directories.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error_detail.h"
#include "base/id.h"
#include "core/error_reason.h"
#include "host/account.h"
#include "host/acl.h"

namespace grpc_os::host {
namespace {

constexpr char kNew[] = ".new-";
constexpr char kRemoving[] = ".removing-";
constexpr char kRemoved[] = ".removed";
constexpr int kDirectory = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW;

// The names in a directory, at most so many. Empty as well where it cannot be read.
std::vector<std::string> NamesIn(int directory, size_t most) {
  std::vector<std::string> names;
  UniqueFd own(openat(directory, ".", kDirectory));
  if (!own) return names;
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(fdopendir(own.get()), closedir);
  if (stream == nullptr) return names;
  (void)own.Release();
  while (names.size() < most) {
    const dirent* entry = readdir(stream.get());
    if (entry == nullptr) break;
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  return names;
}

// Walks a directory with what is in it, and adds up what that takes.
class Walk {
 public:
  void Enter(UniqueFd directory) {
    struct stat status {};
    if (fstat(directory.get(), &status) != 0) return Miss();
    Count(status);
    Descend(std::move(directory));
  }
  void Miss() { size_.partial = true; }
  // Looks at the next entry. False: there is none.
  bool Next() {
    if (open_.empty()) return false;
    DIR* const directory = open_.back().get();
    errno = 0;
    const dirent* const entry = readdir(directory);
    if (entry == nullptr) {
      if (errno != 0) Miss();
      open_.pop_back();
      return true;
    }
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") return true;
    struct stat status {};
    if (fstatat(dirfd(directory), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
      // What has gone meanwhile is not missed.
      if (errno != ENOENT) Miss();
      return true;
    }
    Count(status);
    if (!S_ISDIR(status.st_mode)) return true;
    UniqueFd inner(openat(dirfd(directory), entry->d_name, kDirectory));
    if (inner) {
      Descend(std::move(inner));
    } else if (errno != ENOENT) {
      Miss();
    }
    return true;
  }
  const core::VolumeSize& size() const { return size_; }

 private:
  // Each directory on the way down is open, and each file with several names remembered.
  static constexpr size_t kDeepest = 64;
  static constexpr size_t kMostLinked = 500'000;

  void Descend(UniqueFd directory) {
    if (open_.size() == kDeepest) return Miss();
    DIR* const stream = fdopendir(directory.get());
    if (stream == nullptr) return Miss();
    (void)directory.Release();
    open_.emplace_back(stream, closedir);
  }
  void Count(const struct stat& status) {
    if (!S_ISDIR(status.st_mode) && status.st_nlink > 1) {
      const std::pair file(status.st_dev, status.st_ino);
      if (linked_.contains(file)) return;
      if (linked_.size() == kMostLinked) return Miss();
      linked_.insert(file);
    }
    size_.bytes += int64_t{status.st_blocks} * 512;
  }

  core::VolumeSize size_;
  std::vector<std::unique_ptr<DIR, int (*)(DIR*)>> open_;  // from the outermost
  std::set<std::pair<dev_t, ino_t>> linked_;
};

}  // namespace

absl::Status VolumeDirectories::Open() {
  // Accounts pass through it to their own.
  if ((mkdir(options_.path.c_str(), 0711) != 0 && errno != EEXIST))
    return Failed("", "cannot make it", errno);
  root_.Reset(open(options_.path.c_str(), kDirectory));
  if (!root_) return Failed("", "cannot open it as a directory", errno);
  // Not what the umask has left.
  if (options_.shielded && fchmod(root_.get(), 0711) != 0) return Failed("", "chmod", errno);
  if (mkdirat(root_.get(), kRemoved, 0700) != 0 && errno != EEXIST)
    return Failed(kRemoved, "cannot make it", errno);
  removed_.Reset(openat(root_.get(), kRemoved, kDirectory));
  if (!removed_) return Failed(kRemoved, "cannot open it as a directory", errno);
  return absl::OkStatus();
}

absl::Status VolumeDirectories::Refused(const std::string& name, const std::string& why) const {
  const std::string path = PathOf(name);
  return MakeError(
      absl::StatusCode::kFailedPrecondition,
      absl::StrCat("the volume's directory ", path, " cannot be used: ", why),
      {.reason = core::reason::kVolumeDirectory, .metadata = {{"volume", name}, {"path", path}}});
}

absl::Status VolumeDirectories::Failed(const std::string& name, const std::string& what,
                                       int error) const {
  return absl::UnavailableError(
      absl::StrCat("the volume's directory ", PathOf(name), ": ", what, ": ", strerror(error)));
}

absl::StatusOr<uid_t> VolumeDirectories::UidOf(const std::string& account) const {
  if (account.empty() && options_.shielded) {
    return absl::FailedPreconditionError(
        "with --user a volume is of a named account, for life; say which of "
        "/etc/grpc-os/accounts: `volume create NAME --user ACCOUNT`, and of a process `start … "
        "--user ACCOUNT`");
  }
  return UidOfAccount(account, options_.shielded);
}

absl::Status VolumeDirectories::Prepare(const std::string& name, const std::string& account) {
  const auto uid = UidOf(account);
  if (!uid.ok()) return Refused(name, std::string(uid.status().message()));
  struct stat status {};
  if (fstatat(root_.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0)
    return Refused(name,
                   "something that no volume made is there; move it away, or take another name");
  if (errno != ENOENT) return Failed(name, "cannot look at it", errno);
  const std::string aside = kNew + name;
  if (mkdirat(root_.get(), aside.c_str(), 0700) != 0 && errno != EEXIST)
    return Failed(name, "cannot make it", errno);
  const UniqueFd made(openat(root_.get(), aside.c_str(), kDirectory));
  if (!made) return Failed(name, "cannot open it", errno);
  if (absl::Status granted = GrantAccess(made.get(), *uid, Access::kReadWrite); !granted.ok()) {
    Discard(name);
    return Refused(name, std::string(granted.message()));
  }
  return absl::OkStatus();
}

absl::Status VolumeDirectories::Publish(const std::string& name) {
  if (renameat2(root_.get(), (kNew + name).c_str(), root_.get(), name.c_str(), RENAME_NOREPLACE) !=
      0)
    return Failed(name, "cannot put it into its place", errno);
  fsync(root_.get());
  return absl::OkStatus();
}

void VolumeDirectories::Discard(const std::string& name) {
  unlinkat(root_.get(), (kNew + name).c_str(), AT_REMOVEDIR);
}

absl::Status VolumeDirectories::Mend(const std::string& name, const std::string& account) {
  const UniqueFd there(openat(root_.get(), name.c_str(), kDirectory));
  if (!there && errno == ENOENT) {
    if (absl::Status made = Prepare(name, account); !made.ok()) return made;
    return Publish(name);
  }
  if (!there && (errno == ELOOP || errno == ENOTDIR))
    return Refused(name, "it is a link or no directory; put the volume's directory back there");
  if (!there) return Failed(name, "cannot open it", errno);
  struct stat status {};
  if (fstat(there.get(), &status) != 0) return Failed(name, "cannot look at it", errno);
  if (status.st_uid != geteuid())
    return Refused(name, "it is another account's; put the volume's directory back there");
  const auto uid = UidOf(account);
  if (!uid.ok()) return Refused(name, std::string(uid.status().message()));
  absl::Status granted = GrantAccess(there.get(), *uid, Access::kReadWrite);
  return granted.ok() ? granted : Refused(name, std::string(granted.message()));
}

void VolumeDirectories::BeginRemoval(const std::string& name) {
  // Where the disk is full, removing still works; only a crash right now would leave it unmarked.
  const UniqueFd mark(openat(root_.get(), (kRemoving + name).c_str(),
                             O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  fsync(root_.get());
}

absl::Status VolumeDirectories::EndRemoval(const std::string& name, bool gone) {
  if (gone) {
    if (absl::Status status = TakeAway(name); !status.ok()) return status;
  }
  unlinkat(root_.get(), (kRemoving + name).c_str(), 0);
  return absl::OkStatus();
}

absl::Status VolumeDirectories::TakeAway(const std::string& name) {
  const std::string place = RandomHex128();
  if (renameat(root_.get(), name.c_str(), removed_.get(), place.c_str()) != 0 && errno != ENOENT)
    return Failed(name, "the volume is removed, but not its directory", errno);
  return absl::OkStatus();
}

void VolumeDirectories::Recover(const std::function<bool(const std::string& name)>& exists) {
  for (const std::string& entry : NamesIn(root_.get(), SIZE_MAX)) {
    if (entry.starts_with(kNew)) {
      Discard(entry.substr(strlen(kNew)));
    } else if (entry.starts_with(kRemoving)) {
      const std::string volume = entry.substr(strlen(kRemoving));
      const absl::Status status = EndRemoval(volume, !exists(volume));
      if (!status.ok()) logger_.Write(core::LogLevel::kError, std::string(status.message()), {});
    }
  }
}

int VolumeDirectories::Stuck(const std::string& name, const std::string& what, int error) {
  stuck_.insert(name);
  logger_.Write(core::LogLevel::kError, "a removed volume stays on the disk",
                {{"path", absl::StrCat(PathOf(kRemoved), "/", name)},
                 {"entry", what},
                 {"error", strerror(error)},
                 {"cure", absl::StrCat("as root: rm -rf ", PathOf(kRemoved), "/", name)}});
  return -1;
}

// What lies deeper is first brought up, so that neither depth nor links matter.
int VolumeDirectories::RemoveFrom(const std::string& name, int most) {
  UniqueFd directory(openat(removed_.get(), name.c_str(), kDirectory));
  if (!directory && errno == EACCES && fchmodat(removed_.get(), name.c_str(), 0700, 0) == 0)
    directory.Reset(openat(removed_.get(), name.c_str(), kDirectory));
  if (!directory) {
    // No directory: a file or a link, which goes as such.
    if (unlinkat(removed_.get(), name.c_str(), 0) == 0) return 1;
    return Stuck(name, name, errno);
  }
  struct stat status {};
  if (fstat(directory.get(), &status) == 0 && status.st_uid == geteuid() &&
      (status.st_mode & 0700) != 0700)
    fchmod(directory.get(), 0700);
  int done = 0;
  for (const std::string& entry : NamesIn(directory.get(), static_cast<size_t>(most))) {
    if (unlinkat(directory.get(), entry.c_str(), 0) != 0) {
      if (errno != EISDIR && errno != EPERM) return Stuck(name, entry, errno);
      const std::string place = RandomHex128();
      if (unlinkat(directory.get(), entry.c_str(), AT_REMOVEDIR) != 0) {
        // To give it another parent, it must be writable.
        struct stat inner {};
        if (fstatat(directory.get(), entry.c_str(), &inner, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISDIR(inner.st_mode) && inner.st_uid == geteuid())
          fchmodat(directory.get(), entry.c_str(), 0700, 0);
        if (renameat(directory.get(), entry.c_str(), removed_.get(), place.c_str()) != 0)
          return Stuck(name, entry, errno);
      }
    }
    ++done;
  }
  if (done < most) {
    if (unlinkat(removed_.get(), name.c_str(), AT_REMOVEDIR) != 0) return Stuck(name, name, errno);
    ++done;
  }
  return done;
}

core::VolumeSize VolumeDirectories::Measure(const std::string& name,
                                            const std::function<bool()>& stop) const {
  Walk walk;
  if (UniqueFd top(openat(root_.get(), name.c_str(), kDirectory)); top) {
    walk.Enter(std::move(top));
  } else {
    walk.Miss();
  }
  while (walk.Next()) {
    if (stop()) {
      walk.Miss();
      break;
    }
  }
  return walk.size();
}

bool VolumeDirectories::RemoveSome() {
  int left = options_.step;
  // Those that are stuck are among them, and must not hide the others.
  for (const std::string& name :
       NamesIn(removed_.get(), static_cast<size_t>(options_.step) + stuck_.size())) {
    if (stuck_.contains(name)) continue;
    if (left <= 0) return true;
    if (const int done = RemoveFrom(name, left); done > 0) left -= done;
  }
  return left < options_.step;
}

}  // namespace grpc_os::host
