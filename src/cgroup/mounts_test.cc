#include "cgroup/mounts.h"

#include <gtest/gtest.h>

namespace grpc_os::cgroup {
namespace {

constexpr char kV2[] =
    "25 30 0:23 / /sys rw,nosuid shared:7 - sysfs sysfs rw\n"
    "29 25 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";
constexpr char kHybrid[] =
    "33 25 0:26 / /sys/fs/cgroup ro - tmpfs tmpfs ro\n"
    "34 33 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
    "35 33 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n";

TEST(FindOwnCgroupTest, V2Alone) {
  const auto tree = FindOwnCgroup(kV2, "0::/system.slice/grpc-os.service\n");
  ASSERT_TRUE(tree.ok()) << tree.status();
  EXPECT_EQ(tree->mode, Mode::kV2);
  EXPECT_EQ(tree->path, "/sys/fs/cgroup/system.slice/grpc-os.service");
}

TEST(FindOwnCgroupTest, HybridAndTheRootCgroup) {
  const auto tree = FindOwnCgroup(kHybrid, "4:memory:/x\n0::/\n");
  ASSERT_TRUE(tree.ok()) << tree.status();
  EXPECT_EQ(tree->mode, Mode::kHybrid);
  EXPECT_EQ(tree->path, "/sys/fs/cgroup/unified");
}

TEST(FindOwnCgroupTest, OnlyAPartOfTheTreeIsMounted) {
  const std::string mounts = "29 25 0:26 /docker/abc /sys/fs/cg\\040roup rw - cgroup2 cgroup2 rw\n";
  const auto tree = FindOwnCgroup(mounts, "0::/docker/abc/x\n");
  ASSERT_TRUE(tree.ok()) << tree.status();
  EXPECT_EQ(tree->path, "/sys/fs/cg roup/x");
  EXPECT_FALSE(FindOwnCgroup(mounts, "0::/docker/abcdef\n").ok());
  EXPECT_FALSE(FindOwnCgroup(mounts, "0::/elsewhere\n").ok());
}

TEST(FindOwnCgroupTest, NothingUsable) {
  EXPECT_FALSE(FindOwnCgroup("", "0::/\n").ok());
  EXPECT_FALSE(
      FindOwnCgroup("35 33 0:28 / /c rw - cgroup cgroup rw,memory\n", "1:memory:/\n").ok());
  EXPECT_FALSE(FindOwnCgroup(kV2, "1:memory:/\n").ok());
  EXPECT_FALSE(FindOwnCgroup(kV2, "0::/../outside\n").ok());
  EXPECT_FALSE(FindOwnCgroup(kV2, "0::/gone (deleted)\n").ok());
}

}  // namespace
}  // namespace grpc_os::cgroup
