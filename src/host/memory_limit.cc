#include "host/memory_limit.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string_view>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

namespace grpc_os::host {
namespace {

// SIZE_MAX: none, or none that can be read.
size_t LimitIn(const std::string& path) {
  std::ifstream file(path);
  std::string text;
  size_t limit = 0;
  if (!(file >> text) || !absl::SimpleAtoi(text, &limit)) return SIZE_MAX;
  return limit;
}

// Of a cgroup and all above it.
size_t LeastFrom(const std::string& root, std::string cgroup, const char* name) {
  size_t least = LimitIn(root + "/" + name);
  while (cgroup.size() > 1) {
    least = std::min(least, LimitIn(root + cgroup + "/" + name));
    cgroup.resize(cgroup.rfind('/'));
  }
  return least;
}

}  // namespace

size_t MemoryLimit(size_t machine_bytes, const std::string& membership, const std::string& mount) {
  size_t least = machine_bytes;
  std::ifstream file(membership);
  // "0::/a/b" of v2, "9:memory:/a/b" of v1.
  for (std::string line; std::getline(file, line);) {
    const std::vector<std::string> parts = absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (parts.size() != 3 || parts[2].rfind('/', 0) != 0) continue;
    const std::vector<std::string> controllers = absl::StrSplit(parts[1], ',');
    if (parts[1].empty()) {
      least = std::min(least, LeastFrom(mount, parts[2], "memory.max"));
    } else if (std::find(controllers.begin(), controllers.end(), "memory") != controllers.end()) {
      least = std::min(least, LeastFrom(mount + "/memory", parts[2], "memory.limit_in_bytes"));
    }
  }
  return least;
}

size_t MemoryLimitHere() {
  const size_t machine =
      static_cast<size_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<size_t>(sysconf(_SC_PAGESIZE));
  return MemoryLimit(machine, "/proc/self/cgroup", "/sys/fs/cgroup");
}

}  // namespace grpc_os::host
