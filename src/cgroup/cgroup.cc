#include "cgroup/cgroup.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "base/event_loop.h"
#include "cgroup/mounts.h"

namespace grpc_os::cgroup {
namespace {

constexpr char kControl[] = "/control";

absl::Status ErrnoStatus(const std::string& what, int error) {
  const std::string message = absl::StrCat(what, ": ", strerror(error));
  switch (error) {
    case ENOENT:
      return absl::NotFoundError(message);
    case EACCES:
    case EPERM:
    case EROFS:
      return absl::PermissionDeniedError(message);
    case EBUSY:
      return absl::FailedPreconditionError(message);
    default:
      return absl::InternalError(message);
  }
}

std::string ReadAll(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// The kernel takes such a file's content in one write.
absl::Status WriteFile(int directory, const std::string& name, const std::string& content) {
  const UniqueFd fd(openat(directory, name.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd) return ErrnoStatus(absl::StrCat("cannot open ", name), errno);
  if (write(fd.get(), content.data(), content.size()) != static_cast<ssize_t>(content.size())) {
    return ErrnoStatus(absl::StrCat("cannot write ", name), errno);
  }
  return absl::OkStatus();
}

absl::StatusOr<UniqueFd> OpenCgroup(const std::string& path) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return ErrnoStatus(absl::StrCat("cannot open ", path), errno);
  struct statfs filesystem {};
  if (fstatfs(fd.get(), &filesystem) != 0 || filesystem.f_type != CGROUP2_SUPER_MAGIC) {
    return absl::InvalidArgumentError(absl::StrCat(path, " is not in a cgroup2 file system"));
  }
  return fd;
}

absl::StatusOr<UniqueFd> MakeCgroup(const std::string& path) {
  if (mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) {
    return ErrnoStatus(absl::StrCat("cannot make ", path), errno);
  }
  return OpenCgroup(path);
}

// What cgroups(7), "Delegation", gives to the owner: leaves below, and moves between them.
absl::Status Delegate(int tree, uid_t owner, gid_t group) {
  if (fchown(tree, owner, group) != 0) return ErrnoStatus("cannot delegate", errno);
  for (const char* file : {"cgroup.procs", "cgroup.threads", "cgroup.subtree_control"}) {
    if (fchownat(tree, file, owner, group, AT_SYMLINK_NOFOLLOW) != 0) {
      return ErrnoStatus(absl::StrCat("cannot delegate ", file), errno);
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Tree> TryPrepareTree(const std::string& key, uid_t owner, gid_t owner_group) {
  absl::StatusOr<Tree> tree =
      FindOwnCgroup(ReadAll("/proc/self/mountinfo"), ReadAll("/proc/self/cgroup"));
  if (!tree.ok()) return tree;
  const std::string name = absl::StrCat("/", TreeName(key));
  const std::string inside = absl::StrCat(name, kControl);
  if (tree->path.ends_with(inside)) {
    tree->path.resize(tree->path.size() - strlen(kControl));
  } else {
    tree->path += name;
  }
  absl::StatusOr<UniqueFd> directory = MakeCgroup(tree->path);
  if (!directory.ok()) return directory.status();
  if (owner != 0) {
    absl::Status delegated = Delegate(directory->get(), owner, owner_group);
    if (!delegated.ok()) return delegated;
  }
  absl::StatusOr<UniqueFd> control = MakeCgroup(tree->path + kControl);
  if (!control.ok()) return control.status();
  absl::Status moved = WriteFile(control->get(), "cgroup.procs", "0");
  if (!moved.ok()) return moved;
  return tree;
}

// Calls `visit` with the name of every cgroup directly below.
template <typename Visitor>
void ForEachChild(int directory, Visitor visit) {
  UniqueFd copy(openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!copy) return;
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(fdopendir(copy.get()), closedir);
  if (!entries) return;
  (void)copy.Release();  // fdopendir owns it
  while (const dirent* entry = readdir(entries.get())) {
    if (entry->d_type == DT_DIR && entry->d_name[0] != '.') visit(entry->d_name);
  }
}

void RemoveChildren(int directory) {
  ForEachChild(directory, [directory](const char* name) {
    {
      const UniqueFd child(openat(directory, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      if (child) RemoveChildren(child.get());
    }
    unlinkat(directory, name, AT_REMOVEDIR);  // what fails here fails for the parent too
  });
}

std::string ReadFd(int fd) {
  std::string text;
  char buffer[4096];
  ssize_t got = 0;
  while ((got = read(fd, buffer, sizeof buffer)) > 0) text.append(buffer, static_cast<size_t>(got));
  return text;
}

void CollectPids(int directory, std::vector<pid_t>& pids) {
  const UniqueFd file(openat(directory, "cgroup.procs", O_RDONLY | O_CLOEXEC));
  if (file) {
    std::istringstream lines(ReadFd(file.get()));
    pid_t pid = 0;
    while (lines >> pid) pids.push_back(pid);
  }
  ForEachChild(directory, [directory, &pids](const char* name) {
    const UniqueFd child(openat(directory, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (child) CollectPids(child.get(), pids);
  });
}

}  // namespace

const char* ToString(Mode mode) {
  switch (mode) {
    case Mode::kV2:
      return "v2";
    case Mode::kHybrid:
      return "hybrid";
    case Mode::kNone:
      break;
  }
  return "none";
}

std::string TreeName(const std::string& key) { return absl::StrCat("grpc-os-", key); }

Tree PrepareTree(const std::string& key, uid_t owner, gid_t owner_group, std::string* why) {
  absl::StatusOr<Tree> tree = TryPrepareTree(key, owner, owner_group);
  if (tree.ok()) return *tree;
  if (why != nullptr) *why = std::string(tree.status().message());
  return Tree{};
}

void LeaveTree(const Tree& tree, int wait_ms) {
  if (tree.mode == Mode::kNone) return;
  const size_t end = tree.path.rfind('/');
  absl::StatusOr<UniqueFd> above = OpenCgroup(tree.path.substr(0, end));
  if (!above.ok() || !WriteFile(above->get(), "cgroup.procs", "0").ok()) return;
  absl::StatusOr<Leaf> whole = Leaf::Open(tree.path);
  if (!whole.ok()) return;
  const int64_t deadline_ms = EventLoop::NowMs() + wait_ms;
  while (whole->Populated() || !whole->Remove().ok()) {
    const int64_t left_ms = deadline_ms - EventLoop::NowMs();
    if (left_ms <= 0) return;
    // Of a leaf that is being removed, no event says when it is gone.
    constexpr int64_t kLookMs = 20;
    pollfd change{whole->events_fd(), POLLPRI, 0};
    poll(&change, 1, static_cast<int>(std::min(left_ms, kLookMs)));
  }
}

absl::StatusOr<Leaf> Leaf::Open(const std::string& path) {
  Leaf leaf;
  if (path.empty()) return leaf;
  absl::StatusOr<UniqueFd> directory = MakeCgroup(path);
  if (!directory.ok()) return directory.status();
  leaf.path_ = path;
  leaf.directory_ = *std::move(directory);
  leaf.events_.Reset(openat(leaf.directory_.get(), "cgroup.events", O_RDONLY | O_CLOEXEC));
  if (!leaf.events_)
    return ErrnoStatus(absl::StrCat("cannot open ", path, "/cgroup.events"), errno);
  leaf.Populated();  // the kernel reports changes since the last read
  return leaf;
}

bool Leaf::Populated() const {
  if (!real()) return false;
  char text[256];
  const ssize_t size = pread(events_.get(), text, sizeof text - 1, 0);
  if (size <= 0) return false;  // removed meanwhile
  text[size] = '\0';
  return strstr(text, "populated 1") != nullptr;
}

absl::Status Leaf::KillAll() const {
  if (!real()) return absl::OkStatus();
  return WriteFile(directory_.get(), "cgroup.kill", "1");
}

std::vector<pid_t> Leaf::Pids() const {
  std::vector<pid_t> pids;
  if (real()) CollectPids(directory_.get(), pids);
  return pids;
}

absl::Status Leaf::Remove() {
  if (!real()) return absl::OkStatus();
  RemoveChildren(directory_.get());
  if (rmdir(path_.c_str()) != 0 && errno != ENOENT) {
    return ErrnoStatus(absl::StrCat("cannot remove ", path_), errno);
  }
  events_.Reset();
  directory_.Reset();
  return absl::OkStatus();
}

}  // namespace grpc_os::cgroup
