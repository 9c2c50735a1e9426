#include "cgroup/children.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "base/unique_fd.h"

namespace grpc_os::cgroup {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A child that has a child, which it names through a pipe; both end with this object.
class Family {
 public:
  Family() {
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    child_ = fork();
    if (child_ == 0) {
      const pid_t grandchild = fork();
      if (grandchild != 0) {
        [[maybe_unused]] const ssize_t written = write(ends[1], &grandchild, sizeof grandchild);
      }
      for (;;) pause();
    }
    close(ends[1]);
    const UniqueFd names(ends[0]);
    EXPECT_EQ(read(names.get(), &grandchild_, sizeof grandchild_),
              static_cast<ssize_t>(sizeof grandchild_));
  }
  Family(const Family&) = delete;
  Family& operator=(const Family&) = delete;
  ~Family() {
    kill(grandchild_, SIGKILL);
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
  }
  pid_t child() const { return child_; }
  pid_t grandchild() const { return grandchild_; }

 private:
  pid_t child_ = 0;
  pid_t grandchild_ = 0;
};

TEST(ChildrenTest, FindsItsChildrenAsLongAsTheyWereNotWaitedFor) {
  EXPECT_THAT(OwnChildren(), IsEmpty());
  const pid_t child = fork();
  if (child == 0) _exit(0);
  siginfo_t info{};
  waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT);
  EXPECT_THAT(OwnChildren(), ElementsAre(child));
  waitpid(child, nullptr, 0);
  EXPECT_THAT(OwnChildren(), IsEmpty());
}

TEST(ChildrenTest, ANumberOfAnotherNamespaceIsNobodyHere) {
  // A child that is the first of a namespace, where /proc is still ours, looks for its children.
  const pid_t outer = fork();
  if (outer == 0) {
    if (unshare(CLONE_NEWPID) != 0) _exit(77);
    const pid_t first = fork();
    if (first == 0) {
      if (fork() == 0) {
        for (;;) pause();
      }
      _exit(OwnChildren().empty() ? 0 : 1);
    }
    int status = 0;
    waitpid(first, &status, 0);
    _exit(WEXITSTATUS(status));
  }
  int status = 0;
  waitpid(outer, &status, 0);
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "needs root";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(ChildrenTest, VisitsAllBelowItThoseFurtherDownFirst) {
  const Family family;
  std::vector<pid_t> visited;
  ForEachDescendant([&](pid_t pid, int pidfd) {
    EXPECT_GE(pidfd, 0);
    visited.push_back(pid);
  });
  EXPECT_THAT(visited, ElementsAre(family.grandchild(), family.child()));
}

TEST(ChildrenTest, NamesWhoLivesAndCountsWhoIsTooMuch) {
  const Family family;
  const std::string name = NameProcesses({family.child()});
  EXPECT_EQ(name.find(std::to_string(family.child()) + " (cgroup_test)"), 0U) << name;
  const pid_t ended = fork();
  if (ended == 0) _exit(0);
  siginfo_t info{};
  waitid(P_PID, static_cast<id_t>(ended), &info, WEXITED | WNOWAIT);
  EXPECT_EQ(NameProcesses({ended, family.child()}), name);
  waitpid(ended, nullptr, 0);
  EXPECT_EQ(NameProcesses({ended}), "");
  EXPECT_THAT(NameProcesses(std::vector<pid_t>(7, family.child())),
              ::testing::EndsWith("(cgroup_test) and 2 more"));
}

}  // namespace
}  // namespace grpc_os::cgroup
