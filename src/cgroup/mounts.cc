#include "cgroup/mounts.h"

#include <optional>
#include <sstream>
#include <vector>

#include "absl/strings/str_cat.h"

namespace grpc_os::cgroup {
namespace {

struct Mount {
  std::string root;   // the directory of the file system that is mounted
  std::string point;  // where
  std::string type;
};

// Blanks and backslashes in paths are written as three octal digits.
std::string Unescape(const std::string& text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      plain.push_back(static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                        (text[i + 3] - '0')));
      i += 3;
    } else {
      plain.push_back(text[i]);
    }
  }
  return plain;
}

// proc(5): id parent major:minor root point options [optional…] - type source options
std::optional<Mount> ParseMount(const std::string& line) {
  std::istringstream words(line);
  std::string skipped;
  Mount mount;
  words >> skipped >> skipped >> skipped >> mount.root >> mount.point;
  while (words >> skipped && skipped != "-") {
  }
  if (!(words >> mount.type)) return std::nullopt;
  mount.root = Unescape(mount.root);
  mount.point = Unescape(mount.point);
  return mount;
}

// The path in the v2 hierarchy: the line "0::PATH".
std::optional<std::string> PathInHierarchy(const std::string& proc_cgroup) {
  std::istringstream lines(proc_cgroup);
  std::string line;
  while (std::getline(lines, line)) {
    if (line.rfind("0::", 0) == 0) return line.substr(3);
  }
  return std::nullopt;
}

}  // namespace

absl::StatusOr<Tree> FindOwnCgroup(const std::string& mountinfo, const std::string& proc_cgroup) {
  std::optional<Mount> v2;
  bool has_v1 = false;
  std::istringstream lines(mountinfo);
  std::string line;
  while (std::getline(lines, line)) {
    std::optional<Mount> mount = ParseMount(line);
    if (!mount) continue;
    if (mount->type == "cgroup") has_v1 = true;
    if (mount->type == "cgroup2" && !v2) v2 = std::move(mount);
  }
  if (!v2) return absl::NotFoundError("no cgroup2 file system is mounted");
  std::optional<std::string> path = PathInHierarchy(proc_cgroup);
  if (!path) return absl::NotFoundError("the kernel shows no v2 cgroup of this process");
  // A mount may show only a part of the hierarchy (a container's).
  if (v2->root != "/") {
    const bool inside = *path == v2->root || path->rfind(v2->root + "/", 0) == 0;
    if (!inside) {
      return absl::NotFoundError(
          absl::StrCat("the cgroup of this process lies outside of the tree at ", v2->point));
    }
    *path = path->substr(v2->root.size());
  }
  if (path->rfind("/..", 0) == 0 || path->find(" (deleted)") != std::string::npos) {
    return absl::NotFoundError(
        absl::StrCat("the cgroup of this process lies outside of the tree at ", v2->point));
  }
  Tree tree;
  tree.mode = has_v1 ? Mode::kHybrid : Mode::kV2;
  tree.path = v2->point;
  if (*path != "/") tree.path += *path;
  return tree;
}

}  // namespace grpc_os::cgroup
