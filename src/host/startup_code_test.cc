#include "host/startup_code.h"

#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>

#include "gtest/gtest.h"

namespace grpc_os::host {
namespace {

// Resident code of files, in KiB.
int64_t ResidentCode() {
  std::ifstream maps("/proc/self/smaps");
  int64_t resident = 0;
  bool code = false;
  for (std::string line; std::getline(maps, line);) {
    std::istringstream words(line);
    std::string first;
    std::string second;
    words >> first >> second;
    if (first.find('-') != std::string::npos && second.size() == 4)
      code = second == "r-xp" && line.find(" /") != std::string::npos;
    if (code && first == "Rss:") resident += std::stoll(second);
  }
  return resident;
}

TEST(StartupCode, IsNotResidentAfterItIsForgotten) {
  const int64_t before = ResidentCode();
  ASSERT_GT(before, 0);
  ForgetStartupCode();
  EXPECT_LT(ResidentCode(), before);
}

}  // namespace
}  // namespace grpc_os::host
