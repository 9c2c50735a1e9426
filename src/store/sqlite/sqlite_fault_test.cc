// A disk that fails at each step of a commit in turn, once or for good: reads go on, writes are
// refused as what they are, and everything goes on by itself when the disk does.
#include <sqlite3.h>
#include <stdlib.h>

#include <cerrno>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error_detail.h"
#include "core/error_reason.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "store/sqlite/disk_harness.h"
#include "store/sqlite/sqlite_database.h"
#include "store/sqlite/tuned_database_harness.h"
#include "store/store.h"
#include "store/store_under_test.h"

namespace grpc_os::store {
namespace {

namespace fs = std::filesystem;

class SqliteFaultTest : public testing::Test {
 protected:
  SqliteFaultTest() {
    const fs::path parent = fs::exists("/dev/shm") ? "/dev/shm" : fs::temp_directory_path();
    std::string pattern = parent / "fault.XXXXXX";
    directory_ = mkdtemp(pattern.data());
    path_ = directory_ / "grpc-os.db";
  }
  ~SqliteFaultTest() override { fs::remove_all(directory_); }

  std::unique_ptr<Store> Open() {
    auto database = OpenSqlite(path_);
    EXPECT_TRUE(database.ok()) << database.status();
    // The log is moved into the database often.
    auto store = Store::Open(std::make_unique<TunedDatabase>(
        *std::move(database), std::vector<std::string>{"PRAGMA wal_autocheckpoint = 12"}));
    EXPECT_TRUE(store.ok()) << store.status();
    return *std::move(store);
  }
  static std::future<absl::Status> Submit(Store& store, int number, size_t bytes) {
    core::ProcessWrite write = PutOf(absl::StrCat("proc_", number), absl::StrCat("n", number));
    FillSpec(write.put[0], bytes);
    auto promise = std::make_shared<std::promise<absl::Status>>();
    store.Commit(std::move(write), AskedBy({MakeRecord(absl::StrCat(number))}),
                 [promise](const auto& result) { promise->set_value(result.status()); });
    return promise->get_future();
  }
  // An empty database, made once.
  static fs::path Template() {
    static const struct Made {
      Made() {
        std::string pattern = fs::temp_directory_path() / "fault.XXXXXX";
        directory = mkdtemp(pattern.data());
        EXPECT_TRUE(Store::Open(*OpenSqlite(directory / "grpc-os.db")).ok());
      }
      ~Made() { fs::remove_all(directory); }
      fs::path directory;
    } made;
    return made.directory / "grpc-os.db";
  }
  static std::set<std::string> IdsOf(Store& store) {
    std::set<std::string> ids;
    const auto processes = store.LoadProcesses();
    EXPECT_TRUE(processes.ok()) << processes.status();
    for (const auto& process : *processes) ids.insert(process.id);
    return ids;
  }

  // Some commits on a disk that answers `code` at step `fail_at` after the start, and, if
  // `for_good`, at all later ones until it is mended. False: it had no such step.
  bool Run(int fail_at, int code, int error_number, bool for_good);

  fs::path directory_;
  fs::path path_;
};

bool SqliteFaultTest::Run(int fail_at, int code, int error_number, bool for_good) {
  const std::string where = absl::StrCat("step ", fail_at, ", code ", code, for_good ? ", on" : "");
  fs::remove_all(directory_);
  fs::create_directory(directory_);
  fs::copy_file(Template(), path_);
  Disk disk;
  auto store = Open();
  const int begin = disk.steps();
  bool failed = false;
  disk.SetOnStep([&](const Disk::Step& step) {
    const int number = step.number - begin;
    if (for_good ? number < fail_at : number != fail_at) return SQLITE_OK;
    failed = true;
    errno = error_number;
    return code;
  });
  std::set<std::string> stored;
  for (int i = 0; i < 8; ++i) {
    // Two at a time.
    auto first = Submit(*store, 2 * i, 10'000);
    auto second = Submit(*store, 2 * i + 1, 10);
    for (auto* answer : {&first, &second}) {
      const absl::Status status = answer->get();
      if (status.ok()) {
        stored.insert(absl::StrCat("proc_", answer == &first ? 2 * i : 2 * i + 1));
        continue;
      }
      EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << where << status;
      // Of a full disk it is not waiting that helps.
      const bool full = code == SQLITE_FULL;
      EXPECT_EQ(ReasonOf(status), full ? core::reason::kDiskFull : core::reason::kStoreUnavailable)
          << where;
      EXPECT_EQ(DetailOf(status)->retry_after_ms > 0, !full) << where;
    }
    EXPECT_EQ(IdsOf(*store), stored) << where << ": reads go on, and see what was acknowledged";
  }
  disk.SetOnStep(nullptr);
  EXPECT_TRUE(Submit(*store, 100, 10'000).get().ok()) << where << ": mended, it goes on by itself";
  stored.insert("proc_100");
  EXPECT_EQ(IdsOf(*store), stored) << where;
  store.reset();
  store = Open();
  EXPECT_EQ(IdsOf(*store), stored) << where << ": after a new start";
  return failed;
}

struct Fault {
  const char* name;
  int code;
  int error_number;
  bool for_good;
};

class SqliteFaultSweep : public SqliteFaultTest, public testing::WithParamInterface<Fault> {};

TEST_P(SqliteFaultSweep, AtEachStepOfACommit) {
  const Fault fault = GetParam();
  int steps = 0;
  for (int at = 1; Run(at, fault.code, fault.error_number, fault.for_good);
       at += at < 24 ? 1 : 9) {  // first each frame and sync of some commits, then a sample
    ++steps;
    if (HasFailure()) return;
  }
  EXPECT_GT(steps, 30) << "there were fewer steps than commits have";
}

INSTANTIATE_TEST_SUITE_P(Faults, SqliteFaultSweep,
                         testing::Values(Fault{"FullOnce", SQLITE_FULL, ENOSPC, false},
                                         Fault{"FullForGood", SQLITE_FULL, ENOSPC, true},
                                         Fault{"ErrorOnce", SQLITE_IOERR_WRITE, EIO, false},
                                         Fault{"ErrorForGood", SQLITE_IOERR_WRITE, EIO, true}),
                         [](const auto& suite) { return suite.param.name; });

// BEGIN itself: the locks of the log cannot be had, as when its shared memory is gone.
TEST_F(SqliteFaultTest, AForeignWriterIsABusyStore) {
  auto store = Open();
  ASSERT_TRUE(Submit(*store, 1, 10).get().ok());
  sqlite3* foreign = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &foreign), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(foreign, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  const absl::Status refused = Submit(*store, 2, 10).get();
  EXPECT_EQ(ReasonOf(refused), core::reason::kStoreUnavailable) << refused;
  EXPECT_NE(refused.ToString().find("beginning a change"), std::string::npos) << refused;
  EXPECT_EQ(IdsOf(*store).size(), 1u);
  ASSERT_EQ(sqlite3_exec(foreign, "ROLLBACK", nullptr, nullptr, nullptr), SQLITE_OK);
  EXPECT_TRUE(Submit(*store, 2, 10).get().ok());
  sqlite3_close(foreign);
}

}  // namespace
}  // namespace grpc_os::store
