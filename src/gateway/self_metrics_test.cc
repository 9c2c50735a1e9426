#include "gateway/self_metrics.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <time.h>

#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/unique_fd.h"

namespace grpc_os::gateway {
namespace {

double Value(const std::string& name) {
  Exposition page;
  AddSelfMetrics(page);
  const std::string text = page.Take();
  const size_t at = text.find(absl::StrCat("\n", name, " "));
  double value = -1;
  EXPECT_NE(at, std::string::npos) << name << " is not in:\n" << text;
  if (at == std::string::npos) return value;
  const size_t begin = at + name.size() + 2;
  EXPECT_TRUE(absl::SimpleAtod(text.substr(begin, text.find('\n', begin) - begin), &value));
  return value;
}

TEST(SelfMetricsTest, OpenDescriptorsAreCounted) {
  const double before = Value("process_open_fds");
  EXPECT_GE(before, 3);
  std::vector<UniqueFd> opened;
  for (int i = 0; i < 5; ++i) opened.emplace_back(open("/dev/null", O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(Value("process_open_fds"), before + 5);
  EXPECT_GE(Value("process_max_fds"), before + 5);
}

TEST(SelfMetricsTest, MemoryThatIsTouchedIsResident) {
  const double before = Value("process_resident_memory_bytes");
  EXPECT_GT(before, 1 << 20);
  const std::vector<char> touched(64 << 20, 'x');
  EXPECT_GE(Value("process_resident_memory_bytes"), before + (32 << 20)) << touched.back();
  EXPECT_GE(Value("process_virtual_memory_bytes"), Value("process_resident_memory_bytes"));
}

TEST(SelfMetricsTest, ProcessorTimeGrowsAndTheStartIsInThePast) {
  const double before = Value("process_cpu_seconds_total");
  volatile unsigned sink = 0;
  while (Value("process_cpu_seconds_total") <= before) sink = sink + 1;
  const double start = Value("process_start_time_seconds");
  EXPECT_LE(start, static_cast<double>(time(nullptr)) + 1);
  EXPECT_GT(start, static_cast<double>(time(nullptr)) - 24 * 3600);
  EXPECT_GE(Value("process_threads"), 1);
}

}  // namespace
}  // namespace grpc_os::gateway
