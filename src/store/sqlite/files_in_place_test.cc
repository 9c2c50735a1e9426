// What happens when the files of the database are taken away while it is open.
#include "store/sqlite/files_in_place.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/error_detail.h"
#include "core/error_reason.h"
#include "store/sqlite/sqlite_database.h"
#include "store/store.h"

namespace grpc_os::store {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

namespace fs = std::filesystem;

class FilesInPlaceTest : public ::testing::Test {
 protected:
  FilesInPlaceTest() {
    fs::create_directories(directory_);
    store_ = Open();
    EXPECT_TRUE(Write("first").ok());
  }
  ~FilesInPlaceTest() override {
    store_.reset();
    fs::remove_all(directory_);
  }

  std::unique_ptr<Store> Open() const {
    auto database = OpenSqlite(path_);
    EXPECT_TRUE(database.ok()) << database.status();
    auto store = Store::Open(*std::move(database));
    EXPECT_TRUE(store.ok()) << store.status();
    return *std::move(store);
  }
  absl::Status Write(const std::string& id) {
    core::AuditRecord record;
    record.user = id;
    record.result = "OK";
    std::promise<absl::Status> done;
    store_->PutAudit({record}, [&done](absl::Status status) { done.set_value(std::move(status)); });
    return done.get_future().get();
  }
  void ExpectRefused(const std::string& why) {
    const absl::Status status = Write("refused");
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
    EXPECT_THAT(std::string(status.message()),
                AllOf(HasSubstr("nothing was stored"), HasSubstr(why), HasSubstr("restore")));
    const auto detail = DetailOf(status);
    ASSERT_TRUE(detail.has_value());
    EXPECT_EQ(detail->reason, core::reason::kStoreUnavailable);
    EXPECT_THAT(std::string(store_->CheckFiles().message()), HasSubstr(why));
  }
  size_t Records() {
    std::promise<size_t> done;
    store_->ReadAudit({.limit = 100}, [&done](const absl::StatusOr<core::AuditPage>& page) {
      done.set_value(page.ok() ? page->records.size() : 0);
    });
    return done.get_future().get();
  }

  const fs::path directory_ = ::testing::TempDir() + absl::StrCat("in-place-", getpid());
  const fs::path path_ = directory_ / "grpc-os.db";
  const fs::path log_ = directory_ / "grpc-os.db-wal";
  std::unique_ptr<Store> store_;
};

TEST_F(FilesInPlaceTest, WhatOnlyTheStoreWroteIsInPlace) {
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(Write(std::string(100'000, 'x')).ok()) << "the log is moved into the database";
    ASSERT_TRUE(store_->CheckFiles().ok()) << store_->CheckFiles();
  }
}

TEST_F(FilesInPlaceTest, ADeletedDatabaseTakesNothing) {
  fs::remove(path_);
  ExpectRefused("grpc-os.db was deleted or moved");
  EXPECT_EQ(Records(), 1u) << "it is still read";
}

TEST_F(FilesInPlaceTest, SoDoesOneWithoutItsLog) {
  fs::remove(log_);
  ExpectRefused("grpc-os.db-wal was deleted or moved");
}

TEST_F(FilesInPlaceTest, OneThatIsMovedBackGoesOn) {
  fs::rename(path_, directory_ / "away");
  ExpectRefused("deleted or moved");
  fs::rename(directory_ / "away", path_);
  EXPECT_TRUE(Write("second").ok());
  EXPECT_TRUE(store_->CheckFiles().ok());
  store_.reset();
  store_ = Open();
  EXPECT_EQ(Records(), 2u);
}

TEST_F(FilesInPlaceTest, AnotherFileInItsPlaceIsLeftAsItIs) {
  fs::copy(path_, directory_ / "backup");
  fs::rename(directory_ / "backup", path_);
  std::ofstream(log_.string() + ".new") << "of the backup";
  fs::rename(log_.string() + ".new", log_);
  ExpectRefused("replaced by another file");
  const auto size = fs::file_size(path_);
  store_.reset();
  EXPECT_EQ(fs::file_size(path_), size);
  EXPECT_TRUE(fs::exists(log_)) << "the end of the daemon takes nothing of it away";
}

TEST_F(FilesInPlaceTest, WhatSomebodyElseWritesIntoItIsNoticed) {
  const auto old = fs::last_write_time(path_);
  std::ofstream(path_, std::ios::trunc) << "overwritten";
  fs::last_write_time(path_, old);
  ExpectRefused("written to by another program");
}

TEST_F(FilesInPlaceTest, SoIsAPageOfTheSameSize) {
  const int fd = open(path_.c_str(), O_WRONLY | O_CLOEXEC);
  ASSERT_EQ(pwrite(fd, "xxxx", 4, 4096), 4);
  close(fd);
  ExpectRefused("written to by another program");
}

TEST_F(FilesInPlaceTest, ALogThatWasCutIsNoticed) {
  ASSERT_EQ(truncate(log_.c_str(), 0), 0);
  ExpectRefused("grpc-os.db-wal was written to by another program");
}

}  // namespace
}  // namespace grpc_os::store
