#include "runtime/usage.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "base/unique_fd.h"

namespace grpc_os::runtime {
namespace {

// Field numbers of /proc/PID/stat, from 1, as in proc(5).
constexpr int kStateField = 3;
constexpr int kUserTimeField = 14;
constexpr int kSystemTimeField = 15;
constexpr int kResidentPagesField = 24;

ssize_t ReadSome(int fd, char* buffer, size_t size) {
  ssize_t got = 0;
  do {
    got = read(fd, buffer, size);
  } while (got < 0 && errno == EINTR);
  return got;
}

int64_t NumberFrom(std::string_view text) {
  int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

ResourceUsage ParseStat(std::string_view stat) {
  static const int64_t page_bytes = sysconf(_SC_PAGESIZE);
  static const int64_t ticks_per_second = sysconf(_SC_CLK_TCK);
  // The second field is the command in parentheses, which may hold anything: the rest begins after
  // the last one.
  const size_t command_end = stat.rfind(')');
  if (command_end == std::string_view::npos || command_end + 2 > stat.size()) return {};
  stat.remove_prefix(command_end + 2);
  ResourceUsage usage;
  int64_t ticks = 0;
  for (int field = kStateField; field <= kResidentPagesField && !stat.empty(); ++field) {
    const size_t end = std::min(stat.find(' '), stat.size());
    const std::string_view word = stat.substr(0, end);
    if (field == kUserTimeField || field == kSystemTimeField) ticks += NumberFrom(word);
    if (field == kResidentPagesField) usage.memory_bytes = NumberFrom(word) * page_bytes;
    stat.remove_prefix(std::min(end + 1, stat.size()));
  }
  usage.cpu_time_ms = ticks * 1000 / ticks_per_second;
  return usage;
}

}  // namespace

ResourceUsage UsageOfProcess(int pid) {
  if (pid <= 0) return {};
  std::array<char, 32> path;
  snprintf(path.data(), path.size(), "/proc/%d/stat", pid);
  UniqueFd file(open(path.data(), O_RDONLY | O_CLOEXEC));
  if (!file) return {};
  std::array<char, 1024> text;
  const ssize_t size = ReadSome(file.get(), text.data(), text.size());
  return size > 0 ? ParseStat({text.data(), static_cast<size_t>(size)}) : ResourceUsage();
}

ResourceUsage UsageOfLeaf(const std::string& cgroup_path, const std::string& instance_id) {
  if (cgroup_path.empty() || cgroup_path[0] != '/' ||
      !cgroup_path.ends_with(absl::StrCat("/i-", instance_id))) {
    return {};
  }
  UniqueFd file(
      open(absl::StrCat(cgroup_path, "/cgroup.procs").c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file) return {};
  ResourceUsage total;
  std::array<char, 4096> text;
  int pid = 0;
  ssize_t size = 0;
  while ((size = ReadSome(file.get(), text.data(), text.size())) > 0) {
    for (const char c : std::string_view(text.data(), static_cast<size_t>(size))) {
      if (c >= '0' && c <= '9') {
        pid = pid * 10 + (c - '0');
        continue;
      }
      const ResourceUsage usage = UsageOfProcess(pid);
      total.memory_bytes += usage.memory_bytes;
      total.cpu_time_ms += usage.cpu_time_ms;
      pid = 0;
    }
  }
  return total;
}

}  // namespace grpc_os::runtime
