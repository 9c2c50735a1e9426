// role show, create, update, rm.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "shell/commands/typed_commands.h"

namespace grpc_os::shell {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class RoleCommandsTest : public ::testing::Test, protected TypedCommands {
 protected:
  using TypedCommands::Run;

  RoleCommandsTest() { daemon_.AddUser("eva", "", {}); }
};

TEST_F(RoleCommandsTest, ARoleIsMadeShownChangedAndRemoved) {
  EXPECT_EQ(Run("role create team-a --allow read:/team-a --allow=object.write:/team-a/ "
                "--allow process.read --deny read:/team-a/secret -d 'for the team'"),
            ExitCode::kOk)
      << err();
  EXPECT_EQ(out(), "made the role team-a. `role grant USER team-a` gives it to a user.\n");
  EXPECT_EQ(Run("role show team-a"), ExitCode::kOk);
  EXPECT_THAT(out(), AllOf(HasSubstr("description  for the team\n"),
                           HasSubstr("allows       object.read:/team-a\n"),
                           HasSubstr("allows       object.write:/team-a/\n"),
                           HasSubstr("allows       process.read\n"),
                           HasSubstr("denies       object.read:/team-a/secret\n")));
  EXPECT_EQ(Run("role update team-a --drop read:/team-a/secret/ --drop process.read "
                "--deny write:/team-a/locked --allow read:/team-a/"),
            ExitCode::kOk)
      << err();
  EXPECT_EQ(out(), "changed the role team-a; it holds for all who have it\n");
  EXPECT_EQ(Run("role show team-a -o json"), ExitCode::kOk);
  EXPECT_THAT(out(), AllOf(HasSubstr("\"/team-a/locked\""), HasSubstr("for the team"),
                           Not(HasSubstr("secret")), Not(HasSubstr("process.read")),
                           HasSubstr("\"prefix\": \"/team-a\"")));
  EXPECT_EQ(Run("role ls -o name"), ExitCode::kOk);
  EXPECT_EQ(out(), "admin\noperator\nviewer\nteam-a\n");
  EXPECT_EQ(Run("role grant eva team-a"), ExitCode::kOk) << err();
  EXPECT_EQ(Run("role rm -y team-a"), ExitCode::kConflict);
  EXPECT_EQ(Run("role revoke eva team-a"), ExitCode::kOk);
  EXPECT_EQ(Run("role delete -y team-a"), ExitCode::kOk) << err();
  EXPECT_EQ(out(), "removed team-a\n");
  EXPECT_EQ(Run("role show team-a"), ExitCode::kNotFound);
}

TEST_F(RoleCommandsTest, ANewDescriptionLeavesTheRules) {
  ASSERT_EQ(Run("role create r --allow '*' --deny audit.read"), ExitCode::kOk) << err();
  EXPECT_EQ(Run("role update r --description another"), ExitCode::kOk);
  EXPECT_EQ(Run("role show r"), ExitCode::kOk);
  EXPECT_THAT(out(), AllOf(HasSubstr("another"), HasSubstr("allows       *\n"),
                           HasSubstr("denies       audit.read\n")));
}

TEST_F(RoleCommandsTest, WhatCannotBeIsToldWithTheCure) {
  ASSERT_EQ(Run("role create r --allow read"), ExitCode::kOk) << err();
  EXPECT_EQ(Run("role create r"), ExitCode::kConflict);
  EXPECT_EQ(Run("role update r --drop write"), ExitCode::kUsage);
  EXPECT_EQ(err(), "The role r has no rule object.write. `role show r` lists those it has.\n");
  EXPECT_EQ(Run("role create s --allow read:"), ExitCode::kUsage);
  EXPECT_THAT(err(), HasSubstr("read:/config"));
  EXPECT_EQ(Run("role show s"), ExitCode::kNotFound);
  EXPECT_EQ(err(), "There is no role s. `role ls` lists all.\n");
  EXPECT_EQ(Run("role update s --allow read"), ExitCode::kNotFound);
  EXPECT_EQ(Run("role create"), ExitCode::kUsage);
}

TEST_F(RoleCommandsTest, RemovingARoleAsks) {
  ASSERT_EQ(Run("role create r"), ExitCode::kOk) << err();
  EXPECT_EQ(Run("role show r"), ExitCode::kOk);
  EXPECT_THAT(out(), HasSubstr("allows       nothing\n"));
  answer_ = false;
  EXPECT_EQ(Run("role rm r"), ExitCode::kFailure);
  EXPECT_THAT(err(), HasSubstr("r is kept"));
  EXPECT_EQ(Run("role show r"), ExitCode::kOk);
}

}  // namespace
}  // namespace grpc_os::shell
