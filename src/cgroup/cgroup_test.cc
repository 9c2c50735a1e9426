// Runs for real where this process may make cgroups in a v2 tree; elsewhere these tests are
// skipped.
#include "cgroup/cgroup.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "cgroup/mounts.h"

namespace grpc_os::cgroup {
namespace {

using ::testing::UnorderedElementsAre;

std::string ReadAll(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

bool MoveInto(const std::string& cgroup, pid_t pid) {
  std::ofstream file(cgroup + "/cgroup.procs");
  file << pid << std::flush;
  return file.good();
}

class CgroupTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto own = FindOwnCgroup(ReadAll("/proc/self/mountinfo"), ReadAll("/proc/self/cgroup"));
    if (own.ok()) home_ = own->path;
    key_ = "test-" + std::to_string(getpid());
    std::string why;
    tree_ = PrepareTree(key_, 0, 0, &why);
    if (tree_.mode == Mode::kNone) GTEST_SKIP() << why;
  }

  void TearDown() override {
    for (const pid_t child : children_) {
      kill(child, SIGKILL);
      waitpid(child, nullptr, 0);
    }
    if (tree_.mode == Mode::kNone) return;
    MoveInto(home_, getpid());
    for (const auto& entry : std::filesystem::directory_iterator(tree_.path)) {
      if (entry.is_directory()) rmdir(entry.path().c_str());
    }
    EXPECT_EQ(rmdir(tree_.path.c_str()), 0);
  }

  // A child that waits, in `leaf`.
  pid_t ChildIn(const Leaf& leaf) {
    const pid_t pid = fork();
    if (pid == 0) {
      for (;;) pause();
    }
    children_.push_back(pid);
    EXPECT_TRUE(MoveInto(leaf.path(), pid));
    return pid;
  }

  // The signal that ended it; it has to be dying.
  int SignalOf(pid_t child) {
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    std::erase(children_, child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  }

  std::string home_;
  std::string key_;
  Tree tree_;
  std::vector<pid_t> children_;
};

TEST_F(CgroupTest, TheTreeIsNamedByItsKeyAndThisProcessIsInControl) {
  EXPECT_EQ(tree_.path, (home_ == "/" ? "" : home_) + "/grpc-os-" + key_);
  const auto own = FindOwnCgroup(ReadAll("/proc/self/mountinfo"), ReadAll("/proc/self/cgroup"));
  ASSERT_TRUE(own.ok());
  EXPECT_EQ(own->path, tree_.path + "/control");
}

TEST_F(CgroupTest, AProcessThatIsInTheTreeAlreadyUsesIt) {
  const Tree again = PrepareTree(key_, 0, 0, nullptr);
  EXPECT_EQ(again.mode, tree_.mode);
  EXPECT_EQ(again.path, tree_.path);
}

TEST_F(CgroupTest, LeavingRemovesTheTreeUnlessSomebodyIsInIt) {
  auto leaf = Leaf::Open(tree_.path + "/i-1");
  ASSERT_TRUE(leaf.ok());
  const pid_t child = ChildIn(*leaf);
  LeaveTree(tree_, 0);
  EXPECT_TRUE(std::filesystem::exists(leaf->path()));
  kill(child, SIGKILL);
  LeaveTree(tree_, 10'000);
  EXPECT_FALSE(std::filesystem::exists(tree_.path));
  const auto own = FindOwnCgroup(ReadAll("/proc/self/mountinfo"), ReadAll("/proc/self/cgroup"));
  ASSERT_TRUE(own.ok());
  EXPECT_EQ(own->path, home_);
  tree_ = PrepareTree(key_, 0, 0, nullptr);
}

TEST_F(CgroupTest, ADelegatedTreeBelongsToItsOwnerButControlDoesNot) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  PrepareTree(key_, 12345, 54321, nullptr);
  struct stat file {};
  for (const char* name : {"", "/cgroup.procs", "/cgroup.subtree_control"}) {
    ASSERT_EQ(stat((tree_.path + name).c_str(), &file), 0);
    EXPECT_EQ(file.st_uid, 12345u) << name;
    EXPECT_EQ(file.st_gid, 54321u) << name;
  }
  ASSERT_EQ(stat((tree_.path + "/control").c_str(), &file), 0);
  EXPECT_EQ(file.st_uid, 0u);
}

TEST_F(CgroupTest, KillReachesEverythingInTheLeafAndNothingElse) {
  auto leaf = Leaf::Open(tree_.path + "/i-1");
  auto other = Leaf::Open(tree_.path + "/i-2");
  ASSERT_TRUE(leaf.ok() && other.ok());
  EXPECT_FALSE(leaf->Populated());
  const pid_t first = ChildIn(*leaf);
  const pid_t second = ChildIn(*leaf);
  const pid_t stranger = ChildIn(*other);
  EXPECT_TRUE(leaf->Populated());
  EXPECT_THAT(leaf->Pids(), UnorderedElementsAre(first, second));

  ASSERT_TRUE(leaf->KillAll().ok());
  EXPECT_EQ(SignalOf(first), SIGKILL);
  EXPECT_EQ(SignalOf(second), SIGKILL);
  EXPECT_FALSE(leaf->Populated());
  EXPECT_TRUE(other->Populated());
  EXPECT_EQ(kill(stranger, 0), 0);
}

TEST_F(CgroupTest, AGrandchildThatLeftTheSessionIsStillInTheLeaf) {
  auto leaf = Leaf::Open(tree_.path + "/i-1");
  ASSERT_TRUE(leaf.ok());
  int ready[2];
  ASSERT_EQ(pipe2(ready, O_CLOEXEC), 0);
  const pid_t child = fork();
  if (child == 0) {
    MoveInto(leaf->path(), getpid());
    if (fork() == 0) {
      setsid();
      const char done = 'x';
      if (write(ready[1], &done, 1) != 1) _exit(1);
      for (;;) pause();
    }
    _exit(0);
  }
  char done = 0;
  close(ready[1]);
  ASSERT_EQ(read(ready[0], &done, 1), 1);
  waitpid(child, nullptr, 0);
  EXPECT_TRUE(leaf->Populated());
  EXPECT_FALSE(leaf->Remove().ok()) << "a populated leaf must not be removed";
  ASSERT_TRUE(leaf->KillAll().ok());
  // The pipe's end is the grandchild's death.
  EXPECT_EQ(read(ready[0], &done, 1), 0);
  close(ready[0]);
  pollfd change{leaf->events_fd(), POLLPRI, 0};
  while (leaf->Populated()) ASSERT_EQ(poll(&change, 1, 10'000), 1);
  EXPECT_TRUE(leaf->Remove().ok());
}

TEST_F(CgroupTest, TheEventsDescriptorTellsOfAChange) {
  auto leaf = Leaf::Open(tree_.path + "/i-1");
  ASSERT_TRUE(leaf.ok());
  pollfd change{leaf->events_fd(), POLLPRI, 0};
  EXPECT_EQ(poll(&change, 1, 0), 0);
  ChildIn(*leaf);
  EXPECT_EQ(poll(&change, 1, 10'000), 1);
  EXPECT_TRUE(leaf->Populated());
  EXPECT_EQ(poll(&change, 1, 0), 0) << "reading takes the change";
}

TEST_F(CgroupTest, ARemovedLeafIsGoneWithWhatWasMadeInside) {
  const std::string path = tree_.path + "/i-1";
  auto leaf = Leaf::Open(path);
  ASSERT_TRUE(leaf.ok());
  EXPECT_GE(leaf->directory_fd(), 0);
  std::filesystem::create_directories(path + "/a/b");
  ASSERT_TRUE(leaf->Remove().ok());
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_FALSE(leaf->real());
  EXPECT_TRUE(leaf->Remove().ok());
}

TEST_F(CgroupTest, OpeningAnExistingLeafFindsItsProcesses) {
  auto first = Leaf::Open(tree_.path + "/i-1");
  ASSERT_TRUE(first.ok());
  ChildIn(*first);
  auto second = Leaf::Open(tree_.path + "/i-1");
  ASSERT_TRUE(second.ok());
  EXPECT_TRUE(second->Populated());
}

TEST(LeafTest, WithoutCgroupsAllIsANoOp) {
  auto leaf = Leaf::Open("");
  ASSERT_TRUE(leaf.ok());
  EXPECT_FALSE(leaf->real());
  EXPECT_EQ(leaf->directory_fd(), -1);
  EXPECT_EQ(leaf->events_fd(), -1);
  EXPECT_FALSE(leaf->Populated());
  EXPECT_TRUE(leaf->KillAll().ok());
  EXPECT_TRUE(leaf->Pids().empty());
  EXPECT_TRUE(leaf->Remove().ok());
}

TEST(LeafTest, ADirectoryElsewhereIsNoLeaf) {
  std::string pattern = (std::filesystem::temp_directory_path() / "cgroup_test.XXXXXX").string();
  ASSERT_NE(mkdtemp(pattern.data()), nullptr);
  EXPECT_EQ(Leaf::Open(pattern).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Leaf::Open(pattern + "/no/where").status().code(), absl::StatusCode::kNotFound);
  rmdir(pattern.c_str());
}

}  // namespace
}  // namespace grpc_os::cgroup
