#include "shell/commands/together.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <latch>
#include <string>
#include <vector>

#include "grpc_os/v1/process_services.pb.h"

namespace grpc_os::shell {
namespace {

using Answer = absl::StatusOr<v1::Process>;

v1::Process Named(size_t index) {
  v1::Process process;
  process.set_name(std::to_string(index));
  return process;
}

TEST(Together, GivesAnswersInOrderWhateverComesFirst) {
  std::latch last_is_done(1);
  std::vector<std::string> taken;
  DoTogether(
      3,
      [&](size_t i) -> Answer {
        // Returns only if the others run beside it.
        if (i == 0) last_is_done.wait();
        if (i == 2) last_is_done.count_down();
        return Named(i);
      },
      [&](size_t i, const Answer& answer) {
        EXPECT_EQ(answer->name(), std::to_string(i));
        taken.push_back(answer->name());
        return true;
      });
  EXPECT_EQ(taken, (std::vector<std::string>{"0", "1", "2"}));
}

TEST(Together, DoesEachOnceAndNotMoreThanAllowedBesideEachOther) {
  constexpr size_t kCount = 500;
  std::vector<std::atomic<int>> done(kCount);
  std::atomic<size_t> running = 0;
  std::atomic<size_t> most = 0;
  size_t taken = 0;
  DoTogether(
      kCount,
      [&](size_t i) -> Answer {
        const size_t now = ++running;
        size_t seen = most;
        while (now > seen && !most.compare_exchange_weak(seen, now)) {
        }
        ++done[i];
        --running;
        return Named(i);
      },
      [&](size_t, const Answer&) {
        ++taken;
        return true;
      });
  EXPECT_EQ(taken, kCount);
  EXPECT_TRUE(std::all_of(done.begin(), done.end(), [](const auto& times) { return times == 1; }));
  EXPECT_LE(most, kCallsAtOnce);
}

TEST(Together, BeginsNothingMoreOnceToldToStopButGivesWhatWasUnderWay) {
  constexpr size_t kCount = 1'000'000;
  std::latch told(1);
  std::atomic<size_t> begun = 0;
  size_t taken = 0;
  DoTogether(
      kCount,
      [&](size_t i) -> Answer {
        ++begun;
        if (i > 0) told.wait();
        return absl::UnavailableError("away");
      },
      [&](size_t i, const Answer&) {
        ++taken;
        if (i == 0) told.count_down();
        return false;
      });
  EXPECT_LT(begun, kCount);
  EXPECT_EQ(taken, begun);
}

TEST(Together, NothingToDoIsDoneAtOnce) {
  DoTogether(
      0, [](size_t) -> Answer { return absl::InternalError("was called"); },
      [](size_t, const Answer&) {
        ADD_FAILURE();
        return true;
      });
}

}  // namespace
}  // namespace grpc_os::shell
