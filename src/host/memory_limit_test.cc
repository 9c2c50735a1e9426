#include "host/memory_limit.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace grpc_os::host {
namespace {

constexpr size_t kMiB = size_t{1} << 20;

class MemoryLimitTest : public ::testing::Test {
 protected:
  MemoryLimitTest() {
    std::string path = ::testing::TempDir() + "/memory_limit.XXXXXX";
    root_ = mkdtemp(path.data());
  }
  ~MemoryLimitTest() override { std::filesystem::remove_all(root_); }

  void Write(const std::string& path, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(root_ + path).parent_path());
    std::ofstream(root_ + path) << text;
  }
  size_t Limit() const { return MemoryLimit(1000 * kMiB, root_ + "/self", root_ + "/fs"); }

  std::string root_;
};

TEST_F(MemoryLimitTest, IsTheMachinesWithoutACgroup) {
  EXPECT_EQ(Limit(), 1000 * kMiB);
  Write("/self", "0::/\n");
  EXPECT_EQ(Limit(), 1000 * kMiB);
  Write("/self", "nonsense\n0:\n0::a\n");
  EXPECT_EQ(Limit(), 1000 * kMiB);
}

TEST_F(MemoryLimitTest, IsTheLeastOfOnesOwnCgroupAndThoseAbove) {
  Write("/self", "0::/a/b\n");
  Write("/fs/a/b/memory.max", "max\n");
  EXPECT_EQ(Limit(), 1000 * kMiB);
  Write("/fs/a/memory.max", "314572800\n");
  EXPECT_EQ(Limit(), 300 * kMiB);
  Write("/fs/a/b/memory.max", "104857600\n");
  EXPECT_EQ(Limit(), 100 * kMiB);
  Write("/fs/memory.max", "1048576\n");
  EXPECT_EQ(Limit(), kMiB) << "a container sees its own as the root";
}

TEST_F(MemoryLimitTest, OfVersionOneToo) {
  Write("/self", "11:cpu,cpuacct:/a\n9:blkio,memory:/a\n0::/\n");
  Write("/fs/memory/a/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_EQ(Limit(), 1000 * kMiB) << "unlimited";
  Write("/fs/memory/a/memory.limit_in_bytes", "209715200\n");
  EXPECT_EQ(Limit(), 200 * kMiB);
}

}  // namespace
}  // namespace grpc_os::host
