// What the next daemon finds of uploads that gave way, and of whose they were.
#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <string>

#include "base/error_detail.h"
#include "core/error_reason.h"
#include "gtest/gtest.h"
#include "store/blob/blobs_under_test.h"
#include "store/blob/lossy_files_harness.h"
#include "store/sqlite/sqlite_database.h"

namespace grpc_os::store {
namespace {

class SupersededUploadTest : public testing::Test {
 protected:
  SupersededUploadTest() {
    std::string pattern = std::filesystem::temp_directory_path() / "superseded.XXXXXX";
    directory_ = mkdtemp(pattern.data());
  }
  ~SupersededUploadTest() override {
    system_.reset();
    std::filesystem::remove_all(directory_);
  }
  void Open() {
    system_.reset();
    auto database = OpenSqlite(directory_ + "/grpc-os.db");
    auto opened = BlobsUnderTest::Open(disk_->NewFiles(), *std::move(database), clock_);
    ASSERT_TRUE(opened.ok()) << opened.status();
    system_ = *std::move(opened);
  }
  // With 100,000 bytes that are durable.
  std::shared_ptr<core::UploadFile> Make(const std::string& id, const std::string& name,
                                         const std::string& path) {
    core::UploadTarget target;
    target.id = id;
    target.user = "ada";
    target.object.name = name;
    target.path = path;
    auto file = Await<absl::StatusOr<std::shared_ptr<core::UploadFile>>>(
        [&](auto done) { system_->blobs().Create(target, std::move(done)); });
    EXPECT_TRUE(file.ok()) << file.status();
    Write(**file, 0);
    EXPECT_TRUE(Await<absl::StatusOr<core::UploadState>>([&](auto done) {
                  (*file)->Persist(std::move(done));
                }).ok());
    return *file;
  }
  static void Write(core::UploadFile& file, int64_t offset) {
    core::UploadFile::Piece piece = {.offset = offset, .data = std::string(100'000, 'x')};
    piece.crc32c = TestChecksum().Of(piece.data);
    const auto status =
        Await<absl::Status>([&](auto done) { file.Write(std::move(piece), std::move(done)); });
    EXPECT_TRUE(status.ok()) << status;
  }
  static absl::Status Supersede(core::UploadFile& file) {
    return Await<absl::Status>([&](auto done) { file.Supersede(std::move(done)); });
  }
  std::string Found(const std::string& id) {
    const auto upload = system_->Get(id);
    if (upload.ok()) return std::to_string(upload->state.persisted_bytes);
    const auto detail = DetailOf(upload.status());
    return detail.has_value() ? detail->reason : upload.status().ToString();
  }

  std::string directory_;
  std::unique_ptr<LossyDisk> disk_ = std::make_unique<LossyDisk>();
  TestClock clock_;
  std::unique_ptr<BlobsUnderTest> system_;
};

TEST_F(SupersededUploadTest, AtWhateverStepThePowerGoesItIsThereOrIsSaidToHaveGivenWay) {
  int there = 0;
  int gone = 0;
  for (const bool cut : {true, false}) {
    for (int step = 1; step <= 8; ++step) {
      for (uint64_t seed = 1; seed <= 4; ++seed) {
        disk_ = std::make_unique<LossyDisk>();
        Open();
        auto file = Make("upload_1", "/a", "/a");
        cut ? disk_->CutAfter(step, seed) : disk_->KillAfter(step);
        const bool acknowledged = Supersede(*file).ok();
        file.reset();
        system_.reset();
        if (cut) {
          if (!disk_->cut()) disk_->CutNow(seed);
          disk_->Reboot();
        }
        Open();
        const std::string found = Found("upload_1");
        if (acknowledged) {
          EXPECT_EQ(found, core::reason::kUploadSuperseded) << "step " << step << " seed " << seed;
        } else {
          EXPECT_TRUE(found == "100000" || found == core::reason::kUploadSuperseded)
              << found << " at step " << step << " seed " << seed;
        }
        ++(found == "100000" ? there : gone);
        system_.reset();
      }
    }
  }
  EXPECT_GT(there, 0);
  EXPECT_GT(gone, 0);
}

TEST_F(SupersededUploadTest, ItsRoomIsFreeAndItIsForgottenInTime) {
  Open();
  auto file = Make("upload_1", "/a", "/a");
  EXPECT_TRUE(Supersede(*file).ok());
  EXPECT_FALSE(disk_->Has("uploads/upload_1.data"));
  file.reset();
  Open();
  EXPECT_EQ(Found("upload_1"), core::reason::kUploadSuperseded);
  clock_.now_ms += limits::kUploadIdleMs + 20'000;
  system_->uploads().Tick(clock_.now_ms);
  EXPECT_EQ(Found("upload_1"), core::reason::kUploadNotFound);
  Open();
  EXPECT_EQ(Found("upload_1"), core::reason::kUploadNotFound);
}

TEST_F(SupersededUploadTest, OneThatCannotBeRemovedGoesOn) {
  Open();
  auto file = Make("upload_1", "/a", "/a");
  disk_->FailDirectorySyncs(true);
  EXPECT_FALSE(Supersede(*file).ok());
  disk_->FailDirectorySyncs(false);
  file.reset();
  Open();
  EXPECT_EQ(Found("upload_1"), "100000");
}

TEST_F(SupersededUploadTest, WhatWasNotDurableTakesNoRoomAfterTheStart) {
  Open();
  auto file = Make("upload_1", "/a", "/a");
  Write(*file, 100'000);
  EXPECT_EQ(disk_->ContentOf("uploads/upload_1.data").size(), 200'000);
  file.reset();
  Open();
  EXPECT_EQ(disk_->ContentOf("uploads/upload_1.data").size(), 100'000);
  EXPECT_EQ(system_->uploads().usage().bytes, 100'000);
  EXPECT_EQ(Found("upload_1"), "100000");
}

TEST_F(SupersededUploadTest, WhereAnIdWasKeepsItsRights) {
  Open();
  Make("upload_1", "/a", "/a");
  Make("upload_2", "obj_1", "/b");
  Make("upload_3", "obj_2", "obj_2");  // as a daemon wrote it that knew of no paths
  Open();
  const auto loaded = system_->blobs().LoadUploads();
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  std::string paths;
  for (const auto& one : loaded->uploads) paths += one.target.id + " " + one.target.path + "\n";
  EXPECT_EQ(paths, "upload_1 /a\nupload_2 /b\nupload_3 /\n");
}

}  // namespace
}  // namespace grpc_os::store
