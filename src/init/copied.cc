#include "init/copied.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/unique_fd.h"

namespace grpc_os::init {
namespace {

// Where /etc cannot be written, systemd mounts a file of its tmpfs over it, with an id of this boot
// alone.
bool IsOfThisBoot(int file, const std::string& path) {
  struct statfs system {};
  struct stat info {
  }, above{};
  const std::string directory = std::filesystem::path(path).parent_path().string();
  return fstatfs(file, &system) == 0 && system.f_type == TMPFS_MAGIC && fstat(file, &info) == 0 &&
         stat(directory.c_str(), &above) == 0 && info.st_dev != above.st_dev;
}

std::string ReadMachineId(const std::string& path) {
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!file || IsOfThisBoot(file.get(), path)) return "";
  std::string id(64, '\0');
  const ssize_t size = read(file.get(), id.data(), id.size());
  id.resize(size > 0 ? static_cast<size_t>(size) : 0);
  absl::StripAsciiWhitespace(&id);
  return id == "uninitialized" ? "" : id;
}

bool IsSameDirectory(int one, int other) {
  struct stat first {
  }, second{};
  return fstat(one, &first) == 0 && fstat(other, &second) == 0 && first.st_dev == second.st_dev &&
         first.st_ino == second.st_ino;
}

Surroundings::Original LookForOriginal(const protocol::SystemIdentity& recorded, int directory) {
  using Original = Surroundings::Original;
  const UniqueFd there(open(recorded.path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!there) return errno == ENOENT || errno == ENOTDIR ? Original::kGone : Original::kHidden;
  // A symbolic link or a mount that leads here.
  if (IsSameDirectory(there.get(), directory)) return Original::kGone;
  const auto identity = protocol::ReadSystemIdentity(there.get());
  if (!identity.ok()) return Original::kHidden;
  return identity->has_value() && (*identity)->id == recorded.id ? Original::kThere
                                                                 : Original::kGone;
}

}  // namespace

std::string WhyCopied(const protocol::SystemIdentity& recorded, const Surroundings& found) {
  if (!recorded.machine_id.empty() && !found.machine_id.empty() &&
      recorded.machine_id != found.machine_id) {
    return absl::StrCat("it last ran on another machine, in ", recorded.path);
  }
  if (recorded.path == found.path) return "";
  switch (found.original) {
    case Surroundings::Original::kGone:
      return "";
    case Surroundings::Original::kThere:
      return absl::StrCat("it is a copy of ", recorded.path, ", which is still there");
    case Surroundings::Original::kHidden:
      return absl::StrCat("it last ran in ", recorded.path,
                          ", and whether the original is still there cannot be seen");
  }
  return "";
}

Surroundings LookAround(const protocol::SystemIdentity& recorded, int directory,
                        const std::string& path, const std::string& machine_id_file) {
  Surroundings found;
  found.machine_id = ReadMachineId(machine_id_file);
  found.path = path;
  if (recorded.path != path) found.original = LookForOriginal(recorded, directory);
  return found;
}

}  // namespace grpc_os::init
