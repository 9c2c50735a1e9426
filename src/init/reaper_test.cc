#include "init/reaper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include <fstream>
#include <string>
#include <vector>

#include "cgroup/children.h"

namespace grpc_os::init {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A child that is executed when this returns, and ends with this object.
class Child {
 public:
  explicit Child(std::string variable) {
    std::string name = "sleep";
    std::string time = "1000";
    char* words[] = {name.data(), time.data(), nullptr};
    char* environment[] = {variable.data(), nullptr};
    EXPECT_EQ(posix_spawn(&pid_, "/bin/sleep", nullptr, nullptr, words, environment), 0);
    // The spawn answers a moment before the environment is there.
    while (std::ifstream("/proc/" + std::to_string(pid_) + "/environ").peek() == EOF) sched_yield();
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    siginfo_t info{};
    if (waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT | WNOHANG) != 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  pid_t pid() const { return pid_; }
  // The signal that it ends by.
  int End() const {
    siginfo_t info{};
    EXPECT_EQ(waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT), 0);
    return info.si_status;
  }
  bool lives() const {
    siginfo_t info{};
    waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT | WNOHANG);
    return info.si_pid == 0;
  }

 private:
  pid_t pid_ = 0;
};

TEST(ReaperTest, KillsChildrenThatNobodyExpects) {
  ASSERT_THAT(cgroup::OwnChildren(), IsEmpty());
  Reaper reaper;
  const Child expected("A=1");
  const Child orphan("A=1");
  reaper.Expect(expected.pid(), [](int) {});
  EXPECT_THAT(reaper.KillStrays(), ElementsAre(orphan.pid()));
  EXPECT_EQ(orphan.End(), SIGKILL);
  EXPECT_THAT(reaper.KillStrays(), ElementsAre(orphan.pid())) << "it was not collected yet";
  reaper.Reap();
  EXPECT_THAT(reaper.KillStrays(), IsEmpty());
  EXPECT_TRUE(expected.lives());
}

TEST(ReaperTest, WhereAChildMayBeAStrangersItMustCarryTheIdOfAProcess) {
  ASSERT_THAT(cgroup::OwnChildren(), IsEmpty());
  const Child before("A=1");
  const Reaper reaper;
  const Child stranger("A=1");
  const Child orphan("GRPC_OS_PROCESS_ID=proc_1");
  EXPECT_THAT(reaper.KillStrays(), ElementsAre(orphan.pid()));
  EXPECT_EQ(orphan.End(), SIGKILL);
  EXPECT_TRUE(before.lives());
  EXPECT_TRUE(stranger.lives());
}

}  // namespace
}  // namespace grpc_os::init
