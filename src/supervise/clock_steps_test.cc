#include "supervise/clock_steps.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace grpc_os::supervise {
namespace {

constexpr int64_t kDay = 86'400'000;

TEST(MomentTest, KeepsItsDistanceFromNowWhenTheClockIsSet) {
  Moment start = Moment::At(0, 1000 * kDay, 5'000);
  Moment restart = Moment::At(30'000, 1000 * kDay, 5'000);
  // Ten seconds later somebody sets the clock by a year.
  for (const int64_t now : {1365 * kDay, 635 * kDay}) {
    start.Follow(now, 15'000);
    restart.Follow(now, 15'000);
    EXPECT_EQ(now - start.wall_ms, 10'000);
    EXPECT_EQ(restart.wall_ms - now, 20'000);
  }
}

TEST(MomentTest, NoMomentStaysNone) {
  Moment none;
  none.Follow(1000 * kDay, 5'000);
  EXPECT_EQ(none.wall_ms, 0);
  Moment of_another_boot{7, 0};
  of_another_boot.Follow(1000 * kDay, 5'000);
  EXPECT_EQ(of_another_boot.wall_ms, 7);
}

// No test sets the machine's clock: that the kernel will tell is seen in what it has noted.
TEST(ClockStepsTest, AsksTheKernelToTellOfAClockThatIsSet) {
  const auto armed = [] {
    int count = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fdinfo")) {
      std::ostringstream text;
      text << std::ifstream(entry.path()).rdbuf();
      const std::string info = text.str();
      // TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET on CLOCK_REALTIME
      const bool is_armed = info.find("clockid: 0\n") != std::string::npos &&
                            info.find("settime flags: 03\n") != std::string::npos &&
                            info.find("it_value: (0, 0)") == std::string::npos;
      count += is_armed ? 1 : 0;
    }
    return count;
  };
  EXPECT_EQ(armed(), 0);
  EventLoop loop;
  const ClockSteps steps(loop, [] { FAIL() << "nobody set the clock"; });
  EXPECT_EQ(armed(), 1);
  loop.RunOnce(0);
}

}  // namespace
}  // namespace grpc_os::supervise
