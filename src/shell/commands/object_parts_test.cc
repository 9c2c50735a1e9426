// Folders of any size, old versions and times to live, as a user types them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "grpc_os/v1/filesystem_services.pb.h"
#include "shell/commands/typed_commands.h"

namespace grpc_os::shell {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class ObjectPartsTest : public ::testing::Test, protected TypedCommands {
 protected:
  using TypedCommands::Run;

  void Fill(const std::string& folder, int count) {
    for (int i = 100; i < 100 + count; ++i) daemon_.AddObject(absl::StrCat(folder, i), "x");
    daemon_.state.objects_per_call = 20;
  }
  int Below(const std::string& prefix) {
    const std::lock_guard<std::mutex> lock(daemon_.state.mutex);
    int below = 0;
    for (const auto& [name, object] : daemon_.state.objects) below += name.starts_with(prefix);
    return below;
  }
  void RefuseTheThird() {
    daemon_.state.before_part = [parts = 0]() mutable {
      return ++parts == 3
                 ? client::FakeError(grpc::PERMISSION_DENIED, "Not that.", "NAME_FORBIDDEN")
                 : grpc::Status::OK;
    };
  }
};

TEST_F(ObjectPartsTest, WhatOneRevisionTakesIsDeletedInOne) {
  Fill("/small/", 20);
  EXPECT_EQ(Run("rm -r /small"), ExitCode::kOk) << err();
  EXPECT_EQ(out(), "deleted /small, 20 objects\n");
}

TEST_F(ObjectPartsTest, WhatIsTooMuchIsDeletedInParts) {
  Fill("/big/", 25);
  EXPECT_EQ(Run("rm -r /big"), ExitCode::kOk) << err();
  EXPECT_EQ(out(), "deleted /big, 25 objects\n");
  EXPECT_EQ(Below("/big/"), 0);
  Fill("/big/", 25);
  EXPECT_EQ(Run("rm -r /big -o json"), ExitCode::kOk) << err();
  EXPECT_THAT(out(), AllOf(HasSubstr("\"deletedCount\": \"25\""), HasSubstr("\"more\": false")));
}

TEST_F(ObjectPartsTest, WhatIsTooMuchMovesInParts) {
  Fill("/big/", 25);
  EXPECT_EQ(Run("mv /big /new"), ExitCode::kOk) << err();
  EXPECT_EQ(out(), "moved /big to /new/\n");
  EXPECT_EQ(Below("/new/"), 25);
  daemon_.AddObject("/into/a", "x");
  EXPECT_EQ(Run("mv /new /into"), ExitCode::kOk) << err();
  EXPECT_EQ(Below("/into/new/"), 25);
  EXPECT_EQ(Run("mv --merge /into/new /into"), ExitCode::kOk) << err();
  EXPECT_EQ(Below("/into/"), 26);
  EXPECT_EQ(Below("/into/new/"), 0);
}

TEST_F(ObjectPartsTest, WhatEndsEarlySaysHowFarItCameAndHowItGoesOn) {
  Fill("/big one/", 25);
  RefuseTheThird();
  EXPECT_NE(Run("rm -r '/big one'"), ExitCode::kOk);
  EXPECT_THAT(err(), HasSubstr("rm /big one: deleted 4 so far; `rm -r '/big one'` goes on"));
  RefuseTheThird();
  EXPECT_NE(Run("mv '/big one' /new"), ExitCode::kOk);
  EXPECT_THAT(err(), HasSubstr("moved 4 so far; `mv --merge '/big one' /new` goes on"));
  daemon_.state.before_part = nullptr;
  EXPECT_EQ(Run("mv --merge '/big one' /new"), ExitCode::kOk) << err();
  EXPECT_EQ(Below("/new/"), 21);
}

TEST_F(ObjectPartsTest, SomebodyElseMayDoTheRest) {
  Fill("/big/", 25);
  daemon_.state.before_part = [this, parts = 0]() mutable {
    if (++parts == 3) daemon_.state.objects.clear();
    return grpc::Status::OK;
  };
  EXPECT_EQ(Run("rm -r /big"), ExitCode::kOk) << err();
  EXPECT_EQ(out(), "deleted /big, 4 objects\n");
}

TEST_F(ObjectPartsTest, OldVersionsGoAndTheObjectStays) {
  for (const char* data : {"1", "2", "3"}) daemon_.AddObject("/a", data);
  EXPECT_EQ(Run("rm --versions /a"), ExitCode::kOk) << err();
  EXPECT_EQ(out(), "deleted 2 versions of /a\n");
  EXPECT_EQ(Below("/a"), 1);
  EXPECT_EQ(Run("rm --versions --now /a"), ExitCode::kUsage);
}

TEST_F(ObjectPartsTest, HowLongIsCountedByTheDaemonsClock) {
  EXPECT_EQ(Run("touch /lock x --expire 5m"), ExitCode::kOk) << err();
  EXPECT_EQ(daemon_.state.objects.at("/lock").ttl().seconds(), 300);
  EXPECT_FALSE(daemon_.state.objects.at("/lock").has_expire_time());
  EXPECT_EQ(Run("touch /day x --expire 2100-01-01T00:00:00Z"), ExitCode::kOk) << err();
  EXPECT_FALSE(daemon_.state.objects.at("/day").has_ttl());
  EXPECT_EQ(daemon_.state.objects.at("/day").expire_time().seconds(), 4'102'444'800);
}

}  // namespace
}  // namespace grpc_os::shell
