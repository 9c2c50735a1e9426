#include "gateway/self_metrics.h"

#include <dirent.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

namespace grpc_os::gateway {
namespace {

std::string ReadAll(const char* path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// Of /proc/self/stat, numbered as in proc(5), from 1; the second (the name) may hold anything.
class Stat {
 public:
  Stat() {
    const std::string text = ReadAll("/proc/self/stat");
    const size_t name_end = text.rfind(')');
    if (name_end != std::string::npos)
      fields_ = absl::StrSplit(text.substr(name_end + 1), ' ', absl::SkipWhitespace());
  }
  std::optional<double> Get(size_t number) const {
    double value = 0;
    if (number - 3 >= fields_.size() || !absl::SimpleAtod(fields_[number - 3], &value))
      return std::nullopt;
    return value;
  }

 private:
  std::vector<std::string> fields_;
};

std::optional<double> BootTimeSeconds() {
  const std::string text = ReadAll("/proc/stat");
  for (const std::string& line : std::vector<std::string>(absl::StrSplit(text, '\n'))) {
    double seconds = 0;
    if (line.starts_with("btime ") && absl::SimpleAtod(line.substr(6), &seconds)) return seconds;
  }
  return std::nullopt;
}

std::optional<double> OpenFds() {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir("/proc/self/fd"), closedir);
  if (directory == nullptr) return std::nullopt;
  int count = 0;
  while (const dirent* entry = readdir(directory.get())) count += entry->d_name[0] != '.' ? 1 : 0;
  return count - 1;  // without the one that lists them
}

void AddIf(std::optional<double> value, const char* name, const char* help, Exposition& page) {
  if (!value.has_value()) return;
  std::string_view(name).ends_with("_total") ? page.Counter(name, help) : page.Gauge(name, help);
  page.Add(*value);
}

}  // namespace

void AddSelfMetrics(Exposition& page) {
  const Stat stat;
  timespec cpu{};
  if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu) == 0) {
    AddIf(static_cast<double>(cpu.tv_sec) + static_cast<double>(cpu.tv_nsec) / 1e9,
          "process_cpu_seconds_total", "User and system processor time spent.", page);
  }
  AddIf(stat.Get(23), "process_virtual_memory_bytes", "Size of the virtual memory.", page);
  if (const auto pages = stat.Get(24)) {
    AddIf(*pages * static_cast<double>(sysconf(_SC_PAGESIZE)), "process_resident_memory_bytes",
          "Memory that is resident.", page);
  }
  AddIf(stat.Get(20), "process_threads", "Threads.", page);
  AddIf(OpenFds(), "process_open_fds", "Open file descriptors.", page);
  if (rlimit limit{}; getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    AddIf(static_cast<double>(limit.rlim_cur), "process_max_fds",
          "File descriptors that may be open.", page);
  }
  const auto boot = BootTimeSeconds();
  const auto started = stat.Get(22);
  if (boot.has_value() && started.has_value()) {
    AddIf(*boot + *started / static_cast<double>(sysconf(_SC_CLK_TCK)),
          "process_start_time_seconds", "When the program was started, since 1970.", page);
  }
}

}  // namespace grpc_os::gateway
