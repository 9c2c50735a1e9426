#include "init/data_directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/disk_space.h"
#include "base/id.h"
#include "base/limits.h"
#include "base/small_file.h"
#include "init/copied.h"
#include "init/file_identity.h"
#include "init/identifiers.h"

namespace grpc_os::init {
namespace {

// That clients connect to by path.
constexpr char kSocket[] = "/run/api.sock";

absl::Status Refuse(const std::string& what, int error, const std::string& cure) {
  return absl::FailedPreconditionError(absl::StrCat(what, ": ", strerror(error), "; ", cure));
}

absl::Status CheckSocketPath(const std::string& path) {
  const std::string socket = path + kSocket;
  if (static_cast<int64_t>(socket.size()) <= limits::kSocketPathBytes) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("the path of a socket, ", socket, ", would have ", socket.size(), " bytes, and ",
                   limits::kSocketPathBytes, " are possible; choose a shorter --data-dir"));
}

bool IsEmpty(int directory) {
  const int copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(fdopendir(copy), closedir);
  if (!entries) return false;
  while (const dirent* entry = readdir(entries.get())) {
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) return false;
  }
  return true;
}

// A regular file with one name, so that no planted link or pipe is written to.
absl::StatusOr<UniqueFd> OpenRegular(int directory, const std::string& name, int flags) {
  UniqueFd fd(openat(directory, name.c_str(), flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600));
  if (!fd) return absl::InternalError(absl::StrCat("cannot open ", name, ": ", strerror(errno)));
  struct stat status {};
  if (fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode) || status.st_nlink > 1) {
    return absl::InternalError(absl::StrCat(name, " is not a regular file of its own"));
  }
  return fd;
}

// False: somebody else has it. A file system that knows no locks keeps nobody out.
bool TakeLock(int file) { return flock(file, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK; }

absl::Status AnotherRuns(const std::string& path) {
  return absl::FailedPreconditionError(absl::StrCat("another grpc-os-init runs on ", path,
                                                    "; end it with: grpc-os-init --data-dir ", path,
                                                    " --stop"));
}

// Whether `name` in the directory `above` is what `held` is open on.
bool IsThere(int above, const char* name, const UniqueFd& held) {
  struct stat there {
  }, ours{};
  return fstatat(above, name, &there, AT_SYMLINK_NOFOLLOW) == 0 && fstat(held.get(), &ours) == 0 &&
         there.st_dev == ours.st_dev && there.st_ino == ours.st_ino;
}

}  // namespace

absl::StatusOr<DataDirectory> DataDirectory::Open(const std::string& path,
                                                  std::optional<Account> control) {
  DataDirectory data;
  data.control_ = std::move(control);
  absl::Status status = data.SetPath(path);
  if (status.ok()) status = data.Make();
  if (status.ok() && data.control_) status = data.Claim();
  if (status.ok()) status = data.MakeInside();
  if (!status.ok()) return status;
  return data;
}

absl::StatusOr<DataDirectory> DataDirectory::OpenExisting(const std::string& path) {
  DataDirectory data;
  if (absl::Status status = data.SetPath(path); !status.ok()) return status;
  const auto open_directory = [](int above, const std::string& name) {
    return UniqueFd(openat(above, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  };
  data.directory_.Reset(open(data.path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (data.directory_) data.run_ = open_directory(data.directory_.get(), "run");
  struct stat status {};
  if (!data.run_ || fstat(data.run_.get(), &status) != 0) {
    if (errno == EACCES) {
      return absl::PermissionDeniedError(
          absl::StrCat(data.path_, " belongs to another account; run this as that one or as root"));
    }
    return absl::NotFoundError(absl::StrCat("there is no data directory at ", data.path_));
  }
  if (geteuid() == 0 && status.st_uid != 0) {
    data.control_ = Account{"", status.st_uid, status.st_gid, {status.st_gid}, "/", ""};
  }
  data.instances_ = open_directory(data.run_.get(), "i");
  data.processes_ = open_directory(data.directory_.get(), "processes");
  const UniqueFd logs = open_directory(data.directory_.get(), "logs");
  data.system_logs_ = open_directory(logs.get(), "system");
  if (!data.instances_ || !data.system_logs_) {
    return absl::NotFoundError(absl::StrCat("there is no data directory at ", data.path_));
  }
  return data;
}

absl::Status DataDirectory::SetPath(const std::string& path) {
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::absolute(path, error).lexically_normal();
  path_ = absolute.string();
  while (path_.size() > 1 && path_.back() == '/') path_.pop_back();
  return CheckSocketPath(path_);
}

absl::Status DataDirectory::Make() {
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path_).parent_path(), error);
  if (mkdir(path_.c_str(), 0700) != 0 && errno != EEXIST) {
    return Refuse(absl::StrCat("cannot make the data directory ", path_), errno,
                  "choose another --data-dir, or make it writable");
  }
  directory_.Reset(open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory_) {
    return Refuse(absl::StrCat("cannot open the data directory ", path_), errno,
                  "choose another --data-dir");
  }
  const std::filesystem::path real =
      std::filesystem::read_symlink(absl::StrCat("/proc/self/fd/", directory_.get()), error);
  if (!error) path_ = real.string();
  return CheckSocketPath(path_);
}

absl::Status DataDirectory::Claim() {
  struct stat status {
  }, database{};
  if (fstat(directory_.get(), &status) != 0) {
    return Refuse(absl::StrCat("cannot look at ", path_), errno, "choose another --data-dir");
  }
  if (status.st_uid != control_->uid) {
    const bool ours = faccessat(directory_.get(), "run/boot_id", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
    if (!ours && !IsEmpty(directory_.get())) {
      return absl::FailedPreconditionError(
          absl::StrCat(path_, " is neither empty nor a data directory of account ", control_->name,
                       "; choose another --data-dir"));
    }
    if (fchown(directory_.get(), control_->uid, control_->gid) != 0) {
      return Refuse(absl::StrCat("cannot give ", path_, " to ", control_->name), errno,
                    "choose another --data-dir");
    }
  }
  // Passable, so that processes reach their working directories.
  fchmod(directory_.get(), 0711);
  if (fstatat(directory_.get(), "grpc-os.db", &database, AT_SYMLINK_NOFOLLOW) == 0 &&
      database.st_uid != control_->uid) {
    return absl::FailedPreconditionError(
        absl::StrCat(path_, " was used without --user ", control_->name, "; run: chown -R ",
                     control_->name, ": ", path_, " && chown root: ", path_, "/processes"));
  }
  return absl::OkStatus();
}

absl::StatusOr<UniqueFd> DataDirectory::Subdirectory(int above, const std::string& name,
                                                     mode_t mode) const {
  if (mkdirat(above, name.c_str(), 0700) != 0 && errno != EEXIST) {
    return Refuse(absl::StrCat("cannot make ", name, " in the data directory ", path_), errno,
                  "make it writable, or choose another --data-dir");
  }
  UniqueFd fd(openat(above, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) {
    return Refuse(absl::StrCat("cannot open ", name, " in the data directory ", path_), errno,
                  "move it away");
  }
  struct stat status {};
  if (fstat(fd.get(), &status) != 0 || (status.st_mode & 07777) == mode) return fd;
  if (fchmod(fd.get(), mode) != 0) {
    return Refuse(absl::StrCat("cannot set the mode of ", name, " in ", path_), errno,
                  "give the whole data directory to the account that runs this");
  }
  return fd;
}

absl::Status DataDirectory::MakeInside() {
  // As root, because only root may make what is in there.
  absl::StatusOr<UniqueFd> processes =
      Subdirectory(directory_.get(), "processes", control_ ? 0711 : 0700);
  if (!processes.ok()) return processes.status();
  processes_ = *std::move(processes);
  struct stat status {};
  if (fstat(processes_.get(), &status) != 0 || (control_ && status.st_uid != 0)) {
    return absl::FailedPreconditionError(absl::StrCat(
        path_, "/processes must belong to root; run: chown root: ", path_, "/processes"));
  }
  const FileIdentity as_control(control_);
  absl::StatusOr<UniqueFd> run = Subdirectory(directory_.get(), "run", control_ ? 0750 : 0700);
  if (!run.ok()) return run.status();
  run_ = *std::move(run);
  absl::StatusOr<UniqueFd> instances = Subdirectory(run_.get(), "i", 0700);
  if (!instances.ok()) return instances.status();
  instances_ = *std::move(instances);
  absl::StatusOr<UniqueFd> logs = Subdirectory(directory_.get(), "logs", 0700);
  if (!logs.ok()) return logs.status();
  absl::StatusOr<UniqueFd> system_logs = Subdirectory(logs->get(), "system", 0700);
  if (!system_logs.ok()) return system_logs.status();
  system_logs_ = *std::move(system_logs);
  return absl::OkStatus();
}

std::string DataDirectory::Key() const {
  struct stat status {};
  fstat(directory_.get(), &status);
  return absl::StrCat(absl::Hex(status.st_dev), "-", absl::Hex(status.st_ino));
}

std::string DataDirectory::RunPath() const { return absl::StrCat("/proc/self/fd/", run_.get()); }

absl::Status DataDirectory::Lock() {
  if (!TakeLock(directory_.get())) return AnotherRuns(path_);
  const FileIdentity as_control(control_);
  absl::StatusOr<UniqueFd> lock = TakeLockFile();
  if (!lock.ok()) return lock.status();
  lock_ = *std::move(lock);
  return absl::OkStatus();
}

absl::StatusOr<UniqueFd> DataDirectory::TakeLockFile() const {
  absl::StatusOr<UniqueFd> lock = OpenRegular(run_.get(), "init.lock", O_RDWR | O_CREAT);
  if (!lock.ok()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the data directory ", path_, " cannot be used: ", std::string(lock.status().message()),
        "; make it writable, or choose another --data-dir"));
  }
  if (!TakeLock(lock->get())) return AnotherRuns(path_);
  return lock;
}

void DataDirectory::Unlock() {
  flock(directory_.get(), LOCK_UN);
  lock_.Reset();
}

bool DataDirectory::IsLocked(const std::string& path) {
  const UniqueFd directory(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return directory && !TakeLock(directory.get());
}

absl::StatusOr<std::string> DataDirectory::KeepRun() {
  const FileIdentity as_control(control_);
  std::string made;
  struct Kept {
    int above;
    const char* name;
    const UniqueFd& held;
    mode_t mode;
  };
  // In place of the old descriptor, whose number others know.
  for (const Kept& kept : {Kept{directory_.get(), "run", run_, mode_t{0700}},
                           Kept{run_.get(), "i", instances_, mode_t{0700}}}) {
    if (IsThere(kept.above, kept.name, kept.held)) continue;
    const mode_t mode = control_ && kept.above == directory_.get() ? 0750 : kept.mode;
    absl::StatusOr<UniqueFd> anew = Subdirectory(kept.above, kept.name, mode);
    if (!anew.ok()) return anew.status();
    if (dup3(anew->get(), kept.held.get(), O_CLOEXEC) < 0)
      return Refuse(absl::StrCat("cannot take up ", path_, "/run"), errno, "start again");
    absl::StrAppend(&made, made.empty() ? "" : ", ", kept.name, "/");
  }
  if (IsThere(run_.get(), "init.lock", lock_)) return made;
  absl::StatusOr<UniqueFd> lock = TakeLockFile();
  if (!lock.ok()) return lock.status();
  lock_ = *std::move(lock);
  absl::StrAppend(&made, made.empty() ? "" : ", ", "init.lock");
  return made;
}

bool DataDirectory::OsdLives() const {
  const FileIdentity as_control(control_);
  const absl::StatusOr<UniqueFd> lock = OpenRegular(run_.get(), "osd.lock", O_RDWR);
  return lock.ok() && flock(lock->get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

std::string DataDirectory::ReadSmall(const char* name) const {
  const FileIdentity as_control(control_);
  const absl::StatusOr<UniqueFd> file = OpenRegular(run_.get(), name, O_RDONLY);
  if (!file.ok()) return "";
  std::string text(128, '\0');
  const ssize_t size = read(file->get(), text.data(), text.size());
  text.resize(size > 0 ? static_cast<size_t>(size) : 0);
  absl::StripAsciiWhitespace(&text);
  return text;
}

std::string DataDirectory::RecordedBoot() const { return ReadSmall("boot_id"); }

std::string DataDirectory::GrpcPort() const {
  std::string port = ReadSmall("grpc.port");
  if (port.empty() || port.find_first_not_of("0123456789") != std::string::npos) port = "?";
  return port;
}

absl::Status DataDirectory::RecordBoot(const std::string& boot_id) const {
  const FileIdentity as_control(control_);
  const int error = ReplaceSmallFile(run_.get(), "boot_id", boot_id + "\n", 0600);
  if (error == 0) return absl::OkStatus();
  if (IsDiskFull(error)) return absl::ResourceExhaustedError(DescribeDiskFull(path_, error));
  return Refuse(absl::StrCat("cannot write ", path_, "/run/boot_id"), error,
                "make it writable, or choose another --data-dir");
}

absl::StatusOr<DataDirectory::Home> DataDirectory::LookAtHome(
    const std::string& machine_id_file) const {
  Home home;
  {
    const FileIdentity as_control(control_);
    auto recorded = protocol::ReadSystemIdentity(directory_.get());
    if (!recorded.ok()) {
      return absl::FailedPreconditionError(
          absl::StrCat(path_, " cannot be used: ", std::string(recorded.status().message())));
    }
    home.recorded = *std::move(recorded);
  }
  if (home.recorded) home.identity = *home.recorded;
  const Surroundings found = LookAround(home.identity, directory_.get(), path_, machine_id_file);
  if (home.recorded) {
    if (const std::string why = WhyCopied(*home.recorded, found); !why.empty()) {
      home.copied = true;
      home.identity.held = why;
    }
  }
  if (!home.recorded || home.copied) home.identity.id = RandomHex128();
  if (!found.machine_id.empty()) home.identity.machine_id = found.machine_id;
  home.identity.path = path_;
  return home;
}

absl::Status DataDirectory::RecordIdentity(const protocol::SystemIdentity& identity) const {
  const FileIdentity as_control(control_);
  return protocol::WriteSystemIdentity(directory_.get(), identity);
}

absl::StatusOr<UniqueFd> DataDirectory::OpenSystemLog(const std::string& name) const {
  const FileIdentity as_control(control_);
  constexpr int kFlags = O_WRONLY | O_APPEND | O_CREAT;
  absl::StatusOr<UniqueFd> file = OpenRegular(system_logs_.get(), name, kFlags);
  struct stat status {};
  if (!file.ok() || fstat(file->get(), &status) != 0 || status.st_size <= limits::kSystemLogBytes) {
    return file;
  }
  renameat(system_logs_.get(), name.c_str(), system_logs_.get(), (name + ".1").c_str());
  return OpenRegular(system_logs_.get(), name, kFlags);
}

void DataDirectory::BoundSystemLog(const std::string& name) const {
  static_cast<void>(OpenSystemLog(name).ok());
  const FileIdentity as_control(control_);
  const absl::StatusOr<UniqueFd> older =
      OpenRegular(system_logs_.get(), name + ".1", O_WRONLY | O_APPEND);
  struct stat status {};
  if (!older.ok() || fstat(older->get(), &status) != 0) return;
  if (status.st_size > 2 * limits::kSystemLogBytes)
    static_cast<void>(ftruncate(older->get(), 0) == 0);
}

absl::Status DataDirectory::MakeProcessDirectory(const std::string& name,
                                                 const Account& account) const {
  if (mkdirat(processes_.get(), name.c_str(), 0700) != 0 && errno != EEXIST) {
    return absl::InternalError(
        absl::StrCat("cannot make ", path_, "/processes/", name, ": ", strerror(errno)));
  }
  // processes/ is root's alone: only what init made can be there.
  const UniqueFd fd(
      openat(processes_.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd || fchown(fd.get(), account.uid, account.gid) != 0) {
    return absl::InternalError(absl::StrCat("cannot give ", path_, "/processes/", name, " to ",
                                            account.name, ": ", strerror(errno)));
  }
  return absl::OkStatus();
}

absl::Status DataDirectory::RemoveProcessDirectory(const std::string& name) const {
  if (!IsProcessName(name)) {
    return absl::InvalidArgumentError("asked to remove the directory of what is no process name");
  }
  // POSIX lets a directory that is not empty be told by either of the last two.
  if (unlinkat(processes_.get(), name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT ||
      errno == ENOTEMPTY || errno == EEXIST) {
    return absl::OkStatus();
  }
  return absl::InternalError(
      absl::StrCat("cannot remove ", path_, "/processes/", name, ": ", strerror(errno)));
}

}  // namespace grpc_os::init
