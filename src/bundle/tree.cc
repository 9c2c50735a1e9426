#include "bundle/tree.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/disk_space.h"
#include "bundle/format.h"
#include "core/disk.h"

namespace grpc_os::bundle {
namespace {

constexpr char kPartial[] = ".partial-";

}  // namespace

absl::Status Failed(const std::string& directory, const std::string& what, int error) {
  if (IsDiskFull(error)) {
    return core::DiskFullError(DescribeDiskFull(directory, error), "the bundle was not unpacked");
  }
  return absl::UnavailableError(absl::StrCat("cannot ", what, ": ", strerror(error)));
}

bool IsDigest(std::string_view text) {
  return text.size() == 64 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

absl::StatusOr<UniqueFd> OpenDirectory(const std::string& path) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd) return fd;
  return absl::UnavailableError(
      absl::StrCat("cannot open the directory of bundles ", Quoted(path), ": ", strerror(errno)));
}

absl::StatusOr<std::vector<std::string>> NamesIn(int directory) {
  const int fd = openat(directory, ".", kDirectoryFlags);  // that reads from the beginning
  DIR* const entries = fd >= 0 ? fdopendir(fd) : nullptr;
  if (entries == nullptr) {
    const int error = errno;
    if (fd >= 0) close(fd);
    return absl::UnavailableError(absl::StrCat("cannot list a directory: ", strerror(error)));
  }
  std::vector<std::string> names;
  while (const dirent* entry = readdir(entries)) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  closedir(entries);
  return names;
}

absl::Status RemoveTree(int in, const std::string& name) {
  const auto failed = [&name] {
    return absl::UnavailableError(
        absl::StrCat("cannot remove ", Quoted(name), ": ", strerror(errno)));
  };
  if (unlinkat(in, name.c_str(), 0) == 0 || errno == ENOENT) return absl::OkStatus();
  if (errno != EISDIR) return failed();
  UniqueFd directory(openat(in, name.c_str(), kDirectoryFlags));
  if (!directory || fchmod(directory.get(), kWritable) != 0) return failed();
  auto names = NamesIn(directory.get());
  if (!names.ok()) return names.status();
  for (const std::string& one : *names) {
    if (absl::Status status = RemoveTree(directory.get(), one); !status.ok()) return status;
  }
  return unlinkat(in, name.c_str(), AT_REMOVEDIR) == 0 ? absl::OkStatus() : failed();
}

std::string PartialName(const std::string& name) {
  uint64_t random = 0;
  while (getrandom(&random, sizeof(random), 0) != sizeof(random)) {
  }
  return absl::StrCat(name, kPartial, absl::Hex(random, absl::kZeroPad16));
}

absl::Status CheckDigest(const std::string& digest) {
  if (IsDigest(digest)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      Quoted(digest), " is no digest of a bundle, which has 64 of the digits 0-9 and a-f"));
}

bool IsPartialName(std::string_view name) {
  return name.size() > 64 && IsDigest(name.substr(0, 64)) &&
         name.find(kPartial) != std::string_view::npos;
}

absl::Status Publish(int in, const std::string& directory, const std::string& partial,
                     const std::string& name) {
  absl::Status status;
  if (renameat(in, partial.c_str(), in, name.c_str()) != 0 && errno != ENOTEMPTY &&
      errno != EEXIST) {  // which say that another thread was faster
    status = Failed(directory, "name the bundle " + name, errno);
  }
  if (status.ok() && fsync(in) != 0)
    status = Failed(directory, "write the directory " + Quoted(directory), errno);
  return status;
}

}  // namespace grpc_os::bundle
