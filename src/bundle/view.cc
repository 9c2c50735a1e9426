#include "bundle/view.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bundle/format.h"
#include "bundle/tree.h"

namespace grpc_os::bundle {
namespace {

absl::Status Refused(std::string_view path, const std::string& why) {
  return absl::InvalidArgumentError(
      absl::StrCat("the volume at ", Quoted(path), " has no place in the bundle: ", why));
}

// Fills a directory with what another has, and the links.
class View {
 public:
  View(std::string directory, const std::vector<Mount>& mounts) : directory_(std::move(directory)) {
    for (const Mount& mount : mounts) mounts_[mount.path] = mount.target;
  }

  // `path`: of both below the root; "" or "lib".
  absl::Status Fill(int from, int to, const std::string& path) {
    auto names = NamesIn(from);
    if (!names.ok()) return names.status();
    for (const std::string& name : *names) {
      const std::string below = path.empty() ? name : absl::StrCat(path, "/", name);
      if (absl::Status status = Take(from, to, name, below); !status.ok()) return status;
    }
    // What the bundle does not have.
    for (auto it = mounts_.begin(); it != mounts_.end();) {
      const std::string& wanted = it->first;
      const bool below = path.empty() || wanted.starts_with(path + "/");
      if (!below) {
        ++it;
        continue;
      }
      const std::string rest = path.empty() ? wanted : wanted.substr(path.size() + 1);
      if (absl::Status status = Add(to, rest, it->second); !status.ok()) return status;
      it = mounts_.erase(it);
    }
    return absl::OkStatus();
  }

 private:
  absl::Status Fail(const std::string& path) const {
    return Failed(directory_, "make " + Quoted(path), errno);
  }
  bool LeadsToMount(const std::string& path) const {
    return std::any_of(mounts_.begin(), mounts_.end(),
                       [&path](const auto& mount) { return mount.first.starts_with(path + "/"); });
  }

  absl::Status Take(int from, int to, const std::string& name, const std::string& path) {
    struct stat info {};
    if (fstatat(from, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return Fail(path);
    const auto mount = mounts_.find(path);
    if (!S_ISDIR(info.st_mode)) {
      if (mount != mounts_.end()) return Refused(path, "a file or link is there");
      if (LeadsToMount(path))
        return Refused(path, "a file or link is in its place, and the volume lies below it");
      // Flags 0: a link is taken as such.
      return linkat(from, name.c_str(), to, name.c_str(), 0) == 0 ? absl::OkStatus() : Fail(path);
    }
    UniqueFd source(openat(from, name.c_str(), kDirectoryFlags));
    if (!source) return Fail(path);
    if (mount != mounts_.end()) {
      const auto names = NamesIn(source.get());
      if (!names.ok()) return names.status();
      if (!names->empty()) return Refused(path, "the directory there is not empty");
      return absl::OkStatus();  // and the link is added in its place
    }
    if (mkdirat(to, name.c_str(), kWritable) != 0) return Fail(path);
    UniqueFd made(openat(to, name.c_str(), kDirectoryFlags));
    if (!made) return Fail(path);
    if (absl::Status status = Fill(source.get(), made.get(), path); !status.ok()) return status;
    return fchmod(made.get(), kExecutableMode) == 0 ? absl::OkStatus() : Fail(path);
  }

  // Makes the link at `rest`, and the directories on the way.
  absl::Status Add(int to, const std::string& rest, const std::string& target) {
    const size_t slash = rest.find('/');
    const std::string name = rest.substr(0, slash);
    if (slash == std::string::npos)
      return symlinkat(target.c_str(), to, name.c_str()) == 0 ? absl::OkStatus() : Fail(rest);
    if (mkdirat(to, name.c_str(), kWritable) != 0 && errno != EEXIST) return Fail(rest);
    UniqueFd made(openat(to, name.c_str(), kDirectoryFlags));
    if (!made || fchmod(made.get(), kWritable) != 0) return Fail(rest);
    if (absl::Status status = Add(made.get(), rest.substr(slash + 1), target); !status.ok())
      return status;
    return fchmod(made.get(), kExecutableMode) == 0 ? absl::OkStatus() : Fail(rest);
  }

  const std::string directory_;
  std::map<std::string, std::string> mounts_;  // those that have no place yet
};

absl::Status CheckMounts(const std::vector<Mount>& mounts) {
  for (const Mount& mount : mounts) {
    if (const std::string why = WhyNotPath(mount.path); !why.empty())
      return Refused(mount.path, why);
    for (const Mount& other : mounts) {
      if (&other == &mount) continue;
      if (mount.path == other.path || mount.path.starts_with(other.path + "/"))
        return Refused(mount.path, absl::StrCat("that of ", Quoted(other.path), " is there"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status MakeView(const std::string& directory, const std::string& digest,
                      const std::string& name, const std::vector<Mount>& mounts) {
  if (absl::Status status = CheckDigest(digest); !status.ok()) return status;
  if (absl::Status status = CheckMounts(mounts); !status.ok()) return status;
  const auto in = OpenDirectory(directory);
  if (!in.ok()) return in.status();
  if (faccessat(in->get(), name.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0) return absl::OkStatus();
  const UniqueFd from(openat(in->get(), digest.c_str(), kDirectoryFlags));
  if (!from && errno == ENOENT)
    return absl::NotFoundError(absl::StrCat("there is no bundle ", digest));
  if (!from) return Failed(directory, "open the bundle " + digest, errno);
  const std::string partial = PartialName(name);
  if (mkdirat(in->get(), partial.c_str(), kWritable) != 0)
    return Failed(directory, "make a directory in " + Quoted(directory), errno);
  const UniqueFd to(openat(in->get(), partial.c_str(), kDirectoryFlags));
  absl::Status status = to ? View(directory, mounts).Fill(from.get(), to.get(), "")
                           : Failed(directory, "open " + partial, errno);
  if (status.ok() && (fchmod(to.get(), kRootMode) != 0 || syncfs(to.get()) != 0))
    status = Failed(directory, "write the view " + name, errno);
  if (status.ok()) status = Publish(in->get(), directory, partial, name);
  RemoveTree(in->get(), partial).IgnoreError();  // what stays is removed at the next start
  return status;
}

}  // namespace grpc_os::bundle
