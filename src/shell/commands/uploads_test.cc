// The uploads that are open, listed and cancelled.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>

#include "shell/commands/typed_commands.h"

namespace grpc_os::shell {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

class UploadsCommandTest : public ::testing::Test, protected TypedCommands {
 protected:
  using TypedCommands::Run;

  UploadsCommandTest() {
    Add("upload_1", false);
    Add("upload_2", true);
  }
  void Add(const std::string& id, bool busy) {
    auto& upload = daemon_.state.uploads[id];
    upload.request.mutable_object()->set_name("/of/" + id);
    upload.data = std::string(2048, 'x');
    upload.busy = busy;
  }
};

TEST_F(UploadsCommandTest, AreListed) {
  EXPECT_EQ(Run("uploads"), ExitCode::kOk) << err();
  EXPECT_THAT(out(), AllOf(HasSubstr("upload_1  /of/upload_1  admin  2KiB  idle"),
                           HasSubstr("upload_2  /of/upload_2  admin  2KiB  busy")));
  EXPECT_THAT(daemon_.calls(), Contains("ListUploads own"));
  EXPECT_EQ(Run("uploads ls --all-users -o name"), ExitCode::kOk) << err();
  EXPECT_EQ(out(), "upload_1\nupload_2\n");
  EXPECT_THAT(daemon_.calls(), Contains("ListUploads all"));
}

TEST_F(UploadsCommandTest, AreCancelledByTheirIds) {
  EXPECT_EQ(Run("uploads cancel upload_2 upload_3 upload_1"), ExitCode::kNotFound);
  EXPECT_THAT(out(), AllOf(HasSubstr("cancelled upload_2"), HasSubstr("cancelled upload_1")));
  EXPECT_THAT(daemon_.state.uploads, IsEmpty());
}

TEST_F(UploadsCommandTest, AllAreThoseThatNobodyWrites) {
  EXPECT_EQ(Run("uploads cancel --all"), ExitCode::kOk) << err();
  EXPECT_THAT(out(), AllOf(HasSubstr("cancelled upload_1"), Not(HasSubstr("upload_2"))));
  EXPECT_THAT(daemon_.state.uploads, SizeIs(1));
  EXPECT_EQ(Run("uploads cancel"), ExitCode::kUsage);
  EXPECT_EQ(Run("uploads cancel upload_2 --all"), ExitCode::kUsage);
  EXPECT_THAT(daemon_.state.uploads, SizeIs(1));
}

// `put` says that it can be resumed only where the next one would know of it.
TEST_F(UploadsCommandTest, OfAPutWithoutANoteNothingIsKept) {
  const std::string file = directory_.path() + "/big";
  std::ofstream(file) << std::string(300'000, 'x');
  std::filesystem::create_directories(directory_.path() + "/state");
  std::ofstream(directory_.path() + "/state/uploads") << "where the notes should be";
  NewSession(daemon_.address(), {.timeout = std::chrono::milliseconds(500)});
  daemon_.state.stays_away = true;
  daemon_.state.cut_uploads_after = 100'000;
  EXPECT_EQ(Run("put " + file + " /big"), ExitCode::kUnavailable) << err();
  EXPECT_THAT(err(), Not(HasSubstr("run the same command again")));
  EXPECT_THAT(daemon_.calls(), Contains(StartsWith("CancelUpload"))) << "it was tried";
}

}  // namespace
}  // namespace grpc_os::shell
