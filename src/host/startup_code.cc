#include "host/startup_code.h"

#include <sys/mman.h>

#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

namespace grpc_os::host {

void ForgetStartupCode() {
  std::vector<std::pair<uintptr_t, uintptr_t>> ranges;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    uintptr_t begin = 0;
    uintptr_t end = 0;
    char permissions[8] = "";
    // Of a file: anonymous code and the kernel's own has no path.
    if (std::sscanf(line.c_str(), "%" SCNxPTR "-%" SCNxPTR " %7s", &begin, &end, permissions) ==
            3 &&
        std::string(permissions) == "r-xp" && line.find(" /") != std::string::npos)
      ranges.emplace_back(begin, end);
  }
  for (const auto& [begin, end] : ranges)
    (void)madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

}  // namespace grpc_os::host
