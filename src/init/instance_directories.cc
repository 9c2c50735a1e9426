#include "init/instance_directories.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "init/file_identity.h"
#include "init/identifiers.h"
#include "protocol/packet.h"

namespace grpc_os::init {
namespace {

constexpr char kRecord[] = "launch";
constexpr char kSpec[] = "spec";
constexpr char kSocket[] = "ctl.sock";
constexpr char kReleased[] = "released";
constexpr char kEnded[] = "ended";

std::string ThroughProc(const UniqueFd& fd) { return absl::StrCat("/proc/self/fd/", fd.get()); }

absl::Status WriteAll(int directory, const char* name, const std::string& bytes) {
  const std::string making = absl::StrCat(name, ".new");
  const UniqueFd file(openat(directory, making.c_str(),
                             O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
                             0600));
  size_t done = 0;
  while (file && done < bytes.size()) {
    const ssize_t written = write(file.get(), bytes.data() + done, bytes.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) break;
    done += static_cast<size_t>(written);
  }
  if (!file || done < bytes.size() || renameat(directory, making.c_str(), directory, name) != 0) {
    return absl::ResourceExhaustedError(
        absl::StrCat("cannot write the file ", name, " of an instance: ", strerror(errno)));
  }
  return absl::OkStatus();
}

template <typename Visitor>
void ForEachEntry(int directory, Visitor visit) {
  const int copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(fdopendir(copy), closedir);
  if (!entries) return;
  while (const dirent* entry = readdir(entries.get())) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") visit(name);
  }
}

void RemoveTree(int above, const std::string& name) {
  if (unlinkat(above, name.c_str(), 0) == 0) return;
  {
    const UniqueFd inside(
        openat(above, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (inside) {
      ForEachEntry(inside.get(),
                   [&](const std::string& entry) { RemoveTree(inside.get(), entry); });
    }
  }
  unlinkat(above, name.c_str(), AT_REMOVEDIR);
}

}  // namespace

absl::Status CheckLaunch(const internal::Launch& launch) {
  if (!IsInstanceId(launch.instance_id())) {
    return absl::InvalidArgumentError("a launch needs an instance id of 32 hexadecimal digits");
  }
  if (!IsProcessId(launch.process_id())) {
    return absl::InvalidArgumentError("a launch needs the id of a process: proc_ and a-z, 0-9");
  }
  if (!IsProcessName(launch.process_name())) {
    return absl::InvalidArgumentError("a launch needs the name of a process");
  }
  if (launch.low_ports() && !launch.system()) {
    return absl::InvalidArgumentError("only the system's own processes listen on ports below 1024");
  }
  return absl::OkStatus();
}

std::vector<std::string> InstanceDirectories::List() const {
  const FileIdentity as_control(data_.control());
  std::vector<std::string> ids;
  ForEachEntry(data_.instances(), [&ids](const std::string& name) {
    if (IsInstanceId(name)) ids.push_back(name);
  });
  return ids;
}

std::string InstanceDirectories::Path(const std::string& instance_id) const {
  return absl::StrCat(data_.path(), "/run/i/", instance_id);
}

absl::StatusOr<UniqueFd> InstanceDirectories::OpenOne(const std::string& instance_id) const {
  UniqueFd fd(openat(data_.instances(), instance_id.c_str(),
                     O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (fd) return fd;
  const std::string why =
      absl::StrCat("cannot open the directory of instance ", instance_id, ": ", strerror(errno));
  if (errno == ENOENT) return absl::NotFoundError(why);
  return absl::InternalError(why);
}

absl::StatusOr<UniqueFd> InstanceDirectories::MakeOne(const std::string& instance_id) const {
  if (mkdirat(data_.instances(), instance_id.c_str(), 0700) != 0 && errno != EEXIST) {
    return absl::ResourceExhaustedError(
        absl::StrCat("cannot make a directory for the instance: ", strerror(errno)));
  }
  return OpenOne(instance_id);
}

absl::Status InstanceDirectories::Create(const internal::Launch& launch,
                                         const internal::LaunchSpec& spec) const {
  const FileIdentity as_control(data_.control());
  const absl::StatusOr<UniqueFd> directory = MakeOne(launch.instance_id());
  if (!directory.ok()) return directory.status();
  absl::Status status = WriteAll(directory->get(), kSpec, spec.SerializeAsString());
  if (status.ok()) status = WriteAll(directory->get(), kRecord, launch.SerializeAsString());
  return status;
}

absl::StatusOr<internal::Launch> InstanceDirectories::Read(const std::string& instance_id) const {
  const FileIdentity as_control(data_.control());
  const absl::StatusOr<UniqueFd> directory = OpenOne(instance_id);
  if (!directory.ok()) return directory.status();
  const UniqueFd file(
      openat(directory->get(), kRecord, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file && errno != ENOENT) {
    return absl::InternalError(
        absl::StrCat("cannot read the record of instance ", instance_id, ": ", strerror(errno)));
  }
  if (!file) return absl::NotFoundError(absl::StrCat("instance ", instance_id, " has no record"));
  std::string bytes(static_cast<size_t>(limits::kPacketBytes), '\0');
  const ssize_t size = read(file.get(), bytes.data(), bytes.size());
  bytes.resize(size > 0 ? static_cast<size_t>(size) : 0);
  internal::Launch launch;
  if (!launch.ParseFromString(bytes) || launch.instance_id() != instance_id ||
      !CheckLaunch(launch).ok()) {
    return absl::DataLossError(absl::StrCat("the record of instance ", instance_id, " is damaged"));
  }
  return launch;
}

absl::Status InstanceDirectories::Restore(const internal::Launch& launch) const {
  const FileIdentity as_control(data_.control());
  const absl::StatusOr<UniqueFd> directory = MakeOne(launch.instance_id());
  if (!directory.ok()) return directory.status();
  if (faccessat(directory->get(), kRecord, F_OK, AT_SYMLINK_NOFOLLOW) == 0) return absl::OkStatus();
  return WriteAll(directory->get(), kRecord, launch.SerializeAsString());
}

bool InstanceDirectories::HasSocket(const std::string& instance_id) const {
  return Has(instance_id, kSocket);
}

absl::StatusOr<UniqueFd> InstanceDirectories::Listen(const std::string& instance_id) const {
  const FileIdentity as_control(data_.control());
  const absl::StatusOr<UniqueFd> directory = OpenOne(instance_id);
  if (!directory.ok()) return directory.status();
  return protocol::ListenAt(ThroughProc(*directory), kSocket);
}

absl::StatusOr<UniqueFd> InstanceDirectories::Connect(const std::string& instance_id) const {
  const FileIdentity as_control(data_.control());
  const absl::StatusOr<UniqueFd> directory = OpenOne(instance_id);
  if (!directory.ok()) return directory.status();
  return protocol::ConnectTo(ThroughProc(*directory), kSocket);
}

bool InstanceDirectories::Has(const std::string& instance_id, const char* name) const {
  const FileIdentity as_control(data_.control());
  const absl::StatusOr<UniqueFd> directory = OpenOne(instance_id);
  struct stat status {};
  return directory.ok() && fstatat(directory->get(), name, &status, AT_SYMLINK_NOFOLLOW) == 0;
}

bool InstanceDirectories::IsReleased(const std::string& instance_id) const {
  return Has(instance_id, kReleased);
}

bool InstanceDirectories::HasEnded(const std::string& instance_id) const {
  return Has(instance_id, kEnded);
}

void InstanceDirectories::Remove(const std::string& instance_id) const {
  const FileIdentity as_control(data_.control());
  RemoveTree(data_.instances(), instance_id);
}

}  // namespace grpc_os::init
