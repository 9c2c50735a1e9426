#include "main/parts/vitals.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace grpc_os {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

TEST(VitalsTest, ThreadsThatGetOnAreNotStuck) {
  EXPECT_THAT(DescribeStuck(0, 0), IsEmpty());
  EXPECT_THAT(DescribeStuck(kRuntimeStuckMs - 1, kStoreStuckMs - 1), IsEmpty());
}

TEST(VitalsTest, TheCoresThreadIsStuckSooner) {
  EXPECT_THAT(DescribeStuck(kRuntimeStuckMs, 0), HasSubstr("runtime has not gone on for 30 s"));
  EXPECT_THAT(DescribeStuck(0, kRuntimeStuckMs), IsEmpty()) << "the disk may be slow";
  EXPECT_THAT(DescribeStuck(0, kStoreStuckMs), HasSubstr("the store"));
}

TEST(PulseTest, IsBusyFromTheBeginOfAPieceToItsEnd) {
  core::Pulse pulse;
  EXPECT_EQ(pulse.BusyMs(1000), 0);
  pulse.Begin(1000);
  EXPECT_EQ(pulse.BusyMs(1500), 500);
  pulse.Begin(1400);
  EXPECT_EQ(pulse.BusyMs(1500), 100);
  pulse.BeginIfIdle(1450);
  EXPECT_EQ(pulse.BusyMs(1500), 100) << "it is not idle";
  pulse.End();
  EXPECT_EQ(pulse.BusyMs(1500), 0);
  pulse.BeginIfIdle(1450);
  EXPECT_EQ(pulse.BusyMs(1500), 50);
}

}  // namespace
}  // namespace grpc_os
