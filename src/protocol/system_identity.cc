#include "protocol/system_identity.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/disk_space.h"
#include "base/limits.h"
#include "base/unique_fd.h"

namespace grpc_os::protocol {
namespace {

constexpr char kName[] = "system-id";
constexpr char kUnfinished[] = "system-id.new";
constexpr char kComment[] =
    "# Which gRPC OS this is and where it last ran. It is how a copy of the directory is known as "
    "one: copy it along.\n";
constexpr size_t kIdDigits = 32;

absl::Status Fail(const std::string& what, int error) {
  const std::string text =
      absl::StrCat(what, " ", kName, " in the data directory: ", strerror(error));
  if (IsDiskFull(error)) {
    return absl::ResourceExhaustedError(absl::StrCat(text, "; free space on its disk"));
  }
  if (error == EACCES || error == EPERM) {
    return absl::PermissionDeniedError(
        absl::StrCat(text, "; see that this account may write there"));
  }
  return absl::UnavailableError(
      absl::StrCat(text, "; see the kernel's log for errors of the disk"));
}

absl::Status Damaged() {
  return absl::DataLossError(absl::StrCat(
      kName,
      " in the data directory is damaged; remove it if no other copy of this directory is in use, "
      "and a new one is made"));
}

bool IsId(std::string_view text) {
  return text.size() == kIdDigits && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

absl::StatusOr<SystemIdentity> Parse(const std::string& text) {
  SystemIdentity identity;
  for (const std::string& line : std::vector<std::string>(absl::StrSplit(text, '\n'))) {
    if (line.empty() || line[0] == '#') continue;
    const size_t equals = line.find('=');
    if (equals == std::string::npos) return Damaged();
    const std::string name = line.substr(0, equals);
    std::string value;
    if (!absl::CUnescape(line.substr(equals + 1), &value)) return Damaged();
    if (name == "id") identity.id = value;
    if (name == "machine-id") identity.machine_id = value;
    if (name == "path") identity.path = value;
    if (name == "held") identity.held = value;
  }
  if (!IsId(identity.id) || identity.path.empty() || identity.path[0] != '/') return Damaged();
  return identity;
}

}  // namespace

absl::StatusOr<std::optional<SystemIdentity>> ReadSystemIdentity(int directory) {
  const UniqueFd file(
      openat(directory, kName, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!file && errno == ENOENT) return std::nullopt;
  if (!file) return Fail("cannot read", errno);
  struct stat info {};
  if (fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode)) return Damaged();
  std::string text(static_cast<size_t>(limits::kPacketBytes), '\0');
  const ssize_t size = read(file.get(), text.data(), text.size());
  if (size < 0) return Fail("cannot read", errno);
  text.resize(static_cast<size_t>(size));
  absl::StatusOr<SystemIdentity> identity = Parse(text);
  if (!identity.ok()) return identity.status();
  return std::optional<SystemIdentity>(*std::move(identity));
}

absl::Status WriteSystemIdentity(int directory, const SystemIdentity& identity) {
  const std::string text = absl::StrCat(
      kComment, "id=", identity.id, "\nmachine-id=", absl::CEscape(identity.machine_id),
      "\npath=", absl::CEscape(identity.path), "\nheld=", absl::CEscape(identity.held), "\n");
  unlinkat(directory, kUnfinished, 0);
  const UniqueFd file(
      openat(directory, kUnfinished, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  errno = file ? 0 : errno;
  if (!file || write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
      fsync(file.get()) != 0 || renameat(directory, kUnfinished, directory, kName) != 0) {
    const int error = errno != 0 ? errno : ENOSPC;  // a short write
    unlinkat(directory, kUnfinished, 0);
    return Fail("cannot write", error);
  }
  const UniqueFd entries(openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!entries || fsync(entries.get()) != 0) return Fail("cannot write", errno);
  return absl::OkStatus();
}

}  // namespace grpc_os::protocol
