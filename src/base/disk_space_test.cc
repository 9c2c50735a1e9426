#include "base/disk_space.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

namespace grpc_os {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

TEST(DiskSpaceTest, IsOfTheFileSystemThatHoldsThePath) {
  const auto space = DiskSpaceAt("/tmp");
  ASSERT_TRUE(space.has_value());
  EXPECT_GT(space->total_bytes, 0);
  EXPECT_LE(space->free_bytes, space->total_bytes);
  const auto system = DiskSpaceAt("/proc");  // has no blocks and no inodes
  ASSERT_TRUE(system.has_value());
  EXPECT_EQ(system->total_bytes, 0);
  EXPECT_TRUE(system->files_left);
  EXPECT_FALSE(DiskSpaceAt("/there/is/no/such/directory").has_value());
}

TEST(DiskSpaceTest, AFullDiskIsDescribedByItsNumberAndItsDirectory) {
  EXPECT_EQ(DescribeDiskFull("/proc", ENOSPC), "disk full: 0 MiB free in /proc");
  EXPECT_THAT(DescribeDiskFull("/tmp", ENOSPC), MatchesRegex("disk full: [0-9]+ MiB free in /tmp"));
  EXPECT_THAT(DescribeDiskFull("/tmp", ENOSPC), Not(HasSubstr("quota")));
  EXPECT_THAT(DescribeDiskFull("/tmp", EDQUOT),
              MatchesRegex("disk full: [0-9]+ MiB free in /tmp, but the quota of uid [0-9]+ .*"));
  EXPECT_EQ(DescribeDiskFull("/there/is/none", ENOSPC),
            "disk full: no room is left in /there/is/none");
}

TEST(DiskSpaceTest, AQuotaIsAFullDiskTooAndAnotherFailureIsNone) {
  EXPECT_TRUE(IsDiskFull(ENOSPC));
  EXPECT_TRUE(IsDiskFull(EDQUOT));
  EXPECT_FALSE(IsDiskFull(EROFS));
  EXPECT_FALSE(IsDiskFull(EIO));
}

}  // namespace
}  // namespace grpc_os
