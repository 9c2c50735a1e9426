#include "supervise/options.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace grpc_os::supervise {
namespace {

std::vector<std::string> Complete() {
  return {"--instance", "abc",     "--process-id", "proc_1",    "--process-name",
          "web",        "--dir",   "/d/run/i/abc", "--log-dir", "/d/logs/proc_1",
          "--cgroup",   "/cg/tree"};
}

std::vector<std::string> With(std::vector<std::string> more) {
  std::vector<std::string> all = Complete();
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

TEST(Options, AreReadAndTheLeafIsNamedAfterTheInstance) {
  const auto options = ParseOptions(Complete());
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->instance_id, "abc");
  EXPECT_EQ(options->directory, "/d/run/i/abc");
  EXPECT_EQ(options->LeafPath(), "/cg/tree/i-abc");
  EXPECT_FALSE(options->account.has_value());
}

TEST(Options, WithoutACgroupThereIsNoLeaf) {
  std::vector<std::string> arguments = Complete();
  arguments.back() = "none";
  EXPECT_EQ(ParseOptions(arguments)->LeafPath(), "");
}

TEST(Options, AnAccountIsNeverRoot) {
  EXPECT_EQ(ParseOptions(With({"--uid", "0", "--gid", "0"})).status().code(),
            absl::StatusCode::kInvalidArgument);
  const auto options = ParseOptions(
      With({"--uid", "1000", "--gid", "1001", "--account", "app", "--home", "/home/app"}));
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->account->uid, 1000u);
  EXPECT_EQ(options->account->gid, 1001u);
  EXPECT_EQ(options->account->home, "/home/app");
  EXPECT_TRUE(options->account->groups.empty());
}

TEST(Options, AnAccountHasItsGroups) {
  const auto options =
      ParseOptions(With({"--uid", "1000", "--gid", "1001", "--groups", "1001,2000"}));
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->account->groups, (std::vector<gid_t>{1001, 2000}));
  EXPECT_FALSE(ParseOptions(With({"--uid", "5", "--gid", "5", "--groups", "1,x"})).ok());
}

TEST(Options, LowPortsAreOfAnAccount) {
  const std::vector<std::string> account = {"--uid", "1000", "--gid", "1001"};
  EXPECT_FALSE(ParseOptions(With(account))->account->low_ports);
  EXPECT_FALSE(ParseOptions(With({"--low-ports", "yes"})).ok());
  EXPECT_FALSE(ParseOptions(With({"--uid", "1", "--gid", "1", "--low-ports", "80"})).ok());
  const auto options = ParseOptions(With({"--uid", "1", "--gid", "1", "--low-ports", "yes"}));
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_TRUE(options->account->low_ports);
}

TEST(Options, AUidThatIsNotANumberIsRefused) {
  for (const char* uid : {"app", "-1", "4294967295", "1000x"}) {
    EXPECT_FALSE(ParseOptions(With({"--uid", uid, "--gid", "5"})).ok()) << uid;
  }
  EXPECT_FALSE(ParseOptions(With({"--uid", "5"})).ok());  // no group
}

TEST(Options, EachNeededOneIsNamedWhenItIsMissing) {
  for (size_t i = 0; i < Complete().size(); i += 2) {
    std::vector<std::string> arguments = Complete();
    const std::string name = arguments[i];
    arguments.erase(arguments.begin() + static_cast<std::ptrdiff_t>(i),
                    arguments.begin() + static_cast<std::ptrdiff_t>(i) + 2);
    const auto options = ParseOptions(arguments);
    ASSERT_FALSE(options.ok()) << name;
    EXPECT_NE(options.status().message().find(name), std::string::npos) << options.status();
  }
}

TEST(Options, UnknownOnesAreRefused) {
  EXPECT_FALSE(ParseOptions(With({"--frob", "1"})).ok());
  EXPECT_FALSE(ParseOptions(With({"--home"})).ok());
}

}  // namespace
}  // namespace grpc_os::supervise
