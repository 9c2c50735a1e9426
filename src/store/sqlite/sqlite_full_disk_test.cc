// A disk that is full to the last byte, a real one: what may use the reserve is stored, nothing
// else takes of it, and a daemon that was killed there starts again.
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "core/error_reason.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "store/objects_under_test.h"
#include "store/sqlite/disk_harness.h"
#include "store/sqlite/sqlite_check.h"
#include "store/sqlite/sqlite_database.h"
#include "store/sqlite/tuned_database_harness.h"
#include "store/store.h"
#include "store/store_under_test.h"

namespace grpc_os::store {
namespace {

namespace fs = std::filesystem;
using testing::IsEmpty;

class SqliteFullDiskTest : public testing::Test {
 protected:
  SqliteFullDiskTest() {
    std::string pattern = fs::temp_directory_path() / "full-disk.XXXXXX";
    directory_ = mkdtemp(pattern.data());
    path_ = directory_ / "grpc-os.db";
  }
  ~SqliteFullDiskTest() override { fs::remove_all(directory_); }

  void SetUp() override { Mount("tmpfs", "size=6m"); }
  void TearDown() override {
    store_.reset();
    Unmount();
  }
  void Unmount() {
    if (std::exchange(mounted_, false)) {
      EXPECT_EQ(umount2(directory_.c_str(), 0), 0) << strerror(errno);
    }
  }
  void Mount(const char* kind, const char* options) {
    Unmount();
    // A test that cannot mount has proved nothing, so it fails.
    ASSERT_EQ(mount(kind, directory_.c_str(), kind, MS_NODEV | MS_NOSUID, options), 0)
        << "cannot mount a " << kind << ": " << strerror(errno) << "; run this test as root";
    mounted_ = true;
  }

  // Leaves no free byte. Whatever was given up since the last time is taken, too.
  void FillDisk() {
    std::ofstream file(directory_ / absl::StrCat("ballast-", ballasts_++), std::ios::binary);
    const std::string block(4096, 'b');
    while (file.write(block.data(), block.size()).flush()) {
    }
    struct statfs disk {};
    ASSERT_EQ(statfs(directory_.c_str(), &disk), 0);
    ASSERT_LT(disk.f_bavail, 8u);  // some file systems have the last for themselves
  }
  void FreeDisk() {
    while (ballasts_ > 0) fs::remove(directory_ / absl::StrCat("ballast-", --ballasts_));
  }
  int64_t AllocatedTo(const std::string& suffix) const {
    struct stat info {};
    return stat((path_.string() + suffix).c_str(), &info) == 0 ? int64_t{info.st_blocks} * 512 : -1;
  }
  int64_t SizeOf(const std::string& suffix) const {
    struct stat info {};
    return stat((path_.string() + suffix).c_str(), &info) == 0 ? int64_t{info.st_size} : -1;
  }
  // SQLite counts it in the header of the log.
  int64_t TimesTheLogBegan() const {
    std::ifstream log(path_.string() + "-wal", std::ios::binary);
    log.seekg(12);
    int64_t count = 0;
    for (int i = 0; i < 4; ++i) count = (count << 8) | log.get();
    EXPECT_TRUE(log.good());
    return count;
  }

  void Open(const std::vector<std::string>& pragmas = {}) {
    store_.reset();
    auto database = Must(OpenSqlite(path_));
    faults_ = std::make_shared<Faults>();
    store_ = Must(Store::Open(std::make_unique<FaultyDatabase>(
        std::make_unique<TunedDatabase>(std::move(database), pragmas), faults_)));
  }

  static core::ProcessWrite WriteOf(const std::string& id, size_t bytes, bool may_use_reserve) {
    core::ProcessWrite write = PutOf(id, absl::StrCat("name of ", id));
    FillSpec(write.put[0], bytes);
    write.may_use_reserve = may_use_reserve;
    return write;
  }
  std::future<absl::StatusOr<int64_t>> Submit(core::ProcessWrite write) {
    auto promise = std::make_shared<std::promise<absl::StatusOr<int64_t>>>();
    core::Envelope envelope = AskedBy({MakeRecord(write.put.empty() ? "" : write.put[0].id)});
    store_->Commit(
        std::move(write), std::move(envelope),
        [promise](absl::StatusOr<int64_t> revision) { promise->set_value(std::move(revision)); });
    return promise->get_future();
  }
  // Of `begin`, which is given what is to be called at the end. The writer's thread may still be in
  // it afterwards.
  static void Await(const auto& begin) {
    auto promise = std::make_shared<std::promise<void>>();
    begin([promise](const auto&) { promise->set_value(); });
    promise->get_future().wait();
  }
  absl::Status Ordinary(const std::string& id, size_t bytes = 100) {
    return Submit(WriteOf(id, bytes, false)).get().status();
  }
  absl::Status Reserved(const std::string& id, size_t bytes = 100) {
    return Submit(WriteOf(id, bytes, true)).get().status();
  }
  // Nothing that may not use the reserve is stored, be it small.
  void ExpectOrdinaryRefused() {
    for (const size_t bytes : {3000, 100}) {
      const absl::Status refused = Ordinary("proc_refused", bytes);
      EXPECT_EQ(ReasonOf(refused), core::reason::kDiskFull) << refused;
      EXPECT_THAT(std::string(refused.message()), testing::HasSubstr("disk full")) << refused;
    }
  }
  std::set<std::string> Ids() {
    std::set<std::string> ids;
    const auto processes = store_->LoadProcesses();
    EXPECT_TRUE(processes.ok()) << processes.status();
    for (const auto& process : *processes) ids.insert(process.id);
    return ids;
  }
  void ExpectWhole() {
    store_.reset();
    const auto report = CheckSqlite(path_, {});
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_THAT(report->findings, IsEmpty());
  }
  // `work` in a child, which is then killed.
  void KilledAfter(const std::function<void()>& work) {
    const pid_t child = fork();
    if (child == 0) {
      work();
      kill(getpid(), testing::Test::HasFailure() ? SIGABRT : SIGKILL);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
    ids_.insert({"proc_before", "proc_reserved"});
  }

  fs::path directory_;
  fs::path path_;
  std::shared_ptr<Faults> faults_;
  std::unique_ptr<Store> store_;
  std::set<std::string> ids_;  // that are stored
  bool mounted_ = false;
  int ballasts_ = 0;
};

TEST_F(SqliteFullDiskTest, AFullDiskRefusesAnOrdinaryChangeAndTakesAReservedOne) {
  Open();
  FillDisk();
  ExpectOrdinaryRefused();
  EXPECT_EQ(store_->statistics().reserve_kept_bytes, store_->statistics().reserve_wanted_bytes);
  for (int i = 0; i < 5; ++i) {
    const std::string id = absl::StrCat("proc_r", i);
    const absl::Status status = Reserved(id);
    EXPECT_TRUE(status.ok()) << status;
    ids_.insert(id);
    ExpectOrdinaryRefused();
  }
  EXPECT_EQ(Ids(), ids_);
  FreeDisk();
  EXPECT_TRUE(Ordinary("proc_after").ok());
  ids_.insert("proc_after");
  EXPECT_EQ(Ids(), ids_);
  ExpectWhole();
}

// The log begins anew as often as it must: what is used of the reserve is what the database grows.
TEST_F(SqliteFullDiskTest, HundredsOfStopsComeThroughOneAfterAnother) {
  Open();
  ASSERT_TRUE(Ordinary("proc_stopped").ok());
  // Lies in the log, and has its room in the database, too.
  ASSERT_TRUE(Ordinary("proc_large", 700'000).ok());
  ids_.insert("proc_large");
  EXPECT_LT(SizeOf(""), 700'000);
  FillDisk();
  ExpectOrdinaryRefused();
  const int64_t before = TimesTheLogBegan();
  for (int i = 0; i < 200; ++i) {
    const absl::Status status = Reserved("proc_stopped", static_cast<size_t>(i));
    ASSERT_TRUE(status.ok()) << i << ": " << status;
  }
  EXPECT_GT(TimesTheLogBegan() - before, 2) << "the log had room for all of them";
  ids_.insert("proc_stopped");
  EXPECT_EQ(Ids(), ids_);
  ExpectWhole();
}

TEST_F(SqliteFullDiskTest, OnceTheReserveIsGoneEverythingIsRefusedAndNothingIsTorn) {
  Open();
  FillDisk();
  ExpectOrdinaryRefused();
  absl::Status refused;
  for (int i = 0; i < 1000 && refused.ok(); ++i) {
    const std::string id = absl::StrCat("proc_r", i);
    refused = Reserved(id, 20'000);
    if (refused.ok()) ids_.insert(id);
  }
  EXPECT_EQ(ReasonOf(refused), core::reason::kDiskFull) << refused;
  EXPECT_LT(store_->statistics().reserve_kept_bytes, store_->statistics().reserve_wanted_bytes);
  EXPECT_EQ(Ids(), ids_);
  KilledAfter([] {});
  ids_.erase("proc_before");
  ids_.erase("proc_reserved");
  FreeDisk();
  EXPECT_TRUE(Ordinary("proc_after").ok());
  ids_.insert("proc_after");
  EXPECT_EQ(store_->statistics().reserve_kept_bytes, store_->statistics().reserve_wanted_bytes);
  EXPECT_EQ(Ids(), ids_);
  ExpectWhole();
}

// A file system may leave a part of what it could not allocate; a log is none the worse for it.
TEST_F(SqliteFullDiskTest, WhatIsRefusedWritesNothingAndCutsNothing) {
  Disk disk;
  Open();
  FillDisk();
  ExpectOrdinaryRefused();
  int writes = 0;
  disk.SetOnStep([&](const Disk::Step&) {
    ++writes;
    return SQLITE_OK;
  });
  EXPECT_FALSE(Ordinary("proc_first", 3000).ok());  // the log is moved into the database
  const int64_t before = AllocatedTo("-wal");
  writes = 0;
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(Ordinary("proc_x", 3000).ok());
  EXPECT_EQ(writes, 0);
  EXPECT_EQ(AllocatedTo("-wal"), before);
  store_.reset();
}

TEST_F(SqliteFullDiskTest, AfterTheLogWasCutTheReserveIsThereAgain) {
  auto database = *OpenSqlite(path_);
  auto writer = *database->OpenWriter();
  const Reserve reserve = writer->reserve();
  EXPECT_EQ(reserve.kept_bytes, reserve.wanted_bytes);
  EXPECT_GE(AllocatedTo("-wal"), limits::kStoreReserveBytesMin);
  ASSERT_TRUE(writer->Execute("CREATE TABLE t (bytes BLOB)").ok());
  ASSERT_TRUE(writer->Execute("INSERT INTO t VALUES (zeroblob(1000000))").ok());
  EXPECT_GT(SizeOf("-wal"), 1'000'000);
  auto checkpoint = writer->Prepare("PRAGMA wal_checkpoint(TRUNCATE)");
  ASSERT_TRUE((*checkpoint)->Step().ok());
  (*checkpoint)->Reset();
  ASSERT_TRUE(writer->Execute("ROLLBACK").ok());  // where it takes note of what it has written
  EXPECT_EQ(SizeOf("-wal"), 0);
  EXPECT_GE(AllocatedTo("-wal"), limits::kStoreReserveBytesMin);
  EXPECT_LT(AllocatedTo("-wal"), 1'000'000) << "what the log had more than that is given back";
  EXPECT_EQ(writer->reserve().kept_bytes, reserve.wanted_bytes);
  FillDisk();
  writer->AllowReserve();
  ASSERT_TRUE(writer->Execute("BEGIN IMMEDIATE").ok());
  ASSERT_TRUE(writer->Execute("INSERT INTO t VALUES (zeroblob(100000))").ok());
  const absl::Status committed = writer->Execute("COMMIT");
  EXPECT_TRUE(committed.ok()) << committed;
  // For the next one it holds no longer.
  const int64_t kept = writer->reserve().kept_bytes;
  EXPECT_LT(kept, reserve.wanted_bytes);
  absl::Status refused;
  for (int i = 0; i < 20 && refused.ok(); ++i) {
    ASSERT_TRUE(writer->Execute("BEGIN IMMEDIATE").ok());
    refused = writer->Execute("INSERT INTO t VALUES (zeroblob(100000))");
    if (refused.ok()) refused = writer->Execute("COMMIT");
    if (!refused.ok()) static_cast<void>(writer->Execute("ROLLBACK"));
  }
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted) << refused;
  EXPECT_GE(writer->reserve().kept_bytes, kept);
}

// A foreign program may be quicker when the log is cut; then what it left is kept, and once there
// is more, all of it.
TEST_F(SqliteFullDiskTest, AReserveThatCouldNotBeWholeIsMadeWholeOnceThereIsRoom) {
  Open();
  store_.reset();
  std::ofstream(directory_ / "late", std::ios::binary) << std::string(300'000, 'l');
  FillDisk();
  fs::remove(directory_ / "late");
  Open();
  const Statistics& statistics = store_->statistics();
  EXPECT_LT(statistics.reserve_kept_bytes, statistics.reserve_wanted_bytes);
  EXPECT_GT(statistics.reserve_kept_bytes, 0);
  EXPECT_FALSE(Ordinary("proc_1").ok());
  const absl::Status status = Reserved("proc_2");
  EXPECT_TRUE(status.ok()) << status;
  FreeDisk();
  EXPECT_TRUE(Ordinary("proc_3").ok());
  EXPECT_EQ(statistics.reserve_kept_bytes, statistics.reserve_wanted_bytes);
  EXPECT_EQ(Ids(), (std::set<std::string>{"proc_2", "proc_3"}));
}

TEST_F(SqliteFullDiskTest, OfAGroupEachIsAnsweredByItsOwnRight) {
  Open();
  FillDisk();
  ExpectOrdinaryRefused();
  std::vector<std::future<absl::StatusOr<int64_t>>> answers;
  {
    const StoreUnderTest::Held held(*store_);
    for (int i = 0; i < 6; ++i)
      answers.push_back(Submit(WriteOf(absl::StrCat("proc_g", i), 3000, i % 2 == 1)));
  }
  for (int i = 0; i < 6; ++i) {
    const absl::Status status = answers[static_cast<size_t>(i)].get().status();
    EXPECT_EQ(status.ok(), i % 2 == 1) << i << ": " << status;
  }
  ids_.insert({"proc_g1", "proc_g3", "proc_g5"});
  EXPECT_EQ(Ids(), ids_);
}

// The index of a log of more than 4,062 frames has a second part, which SQLite makes only once the
// frames are in the log.
TEST_F(SqliteFullDiskTest, TheIndexOfALongLogIsThereBeforeItIsNeeded) {
  Mount("tmpfs", "size=64m");
  Open({"PRAGMA wal_autocheckpoint = 0"});
  ASSERT_TRUE(Ordinary("proc_0").ok());
  // Whoever reads in an old snapshot keeps the log from beginning anew.
  auto reader = *(*OpenSqlite(path_))->OpenReader();
  ASSERT_TRUE(reader->Execute("BEGIN").ok());
  auto count = *reader->Prepare("SELECT COUNT(*) FROM processes");
  ASSERT_TRUE(count->Step().ok());
  count->Reset();
  const int64_t first_part = int64_t{4062} * (24 + 4096);
  for (int i = 1; SizeOf("-wal") < first_part - 500'000; ++i)
    ASSERT_TRUE(Ordinary("proc_0", 60'000).ok());
  FillDisk();
  for (int i = 0; SizeOf("-wal") < first_part + 300'000 && i < 100; ++i) {
    const absl::Status status = Reserved("proc_0", 60'000 + static_cast<size_t>(i));
    ASSERT_TRUE(status.ok()) << status << " at " << SizeOf("-wal");
  }
  EXPECT_GT(SizeOf("-wal"), first_part);
  EXPECT_EQ(Must(store_->LoadProcesses())[0].spec.environment["FILL"].size() / 1000, 60u);
  ASSERT_TRUE(reader->Execute("COMMIT").ok());
  reader.reset();
  ExpectWhole();
}

// ---- The next start ----------------------------------------------------------------------------

TEST_F(SqliteFullDiskTest, KilledOnAFullDiskItStartsAgain) {
  KilledAfter([&] {
    Open();
    ASSERT_TRUE(Ordinary("proc_before").ok());
    FillDisk();
    ASSERT_TRUE(Reserved("proc_reserved").ok());
  });
  FillDisk();
  Open();
  EXPECT_EQ(Ids(), ids_);
  EXPECT_TRUE(Reserved("proc_more").ok());
  FillDisk();  // with what the log gave back when it was emptied
  ExpectOrdinaryRefused();
  EXPECT_TRUE(Reserved("proc_more").ok());
  ids_.insert("proc_more");
  EXPECT_EQ(Ids(), ids_);
  ExpectWhole();
}

// As after a power cut: the index of the log was never synced.
TEST_F(SqliteFullDiskTest, WhereTheIndexIsGoneThereIsRoomForItBehindTheLog) {
  KilledAfter([&] {
    Open();
    ASSERT_TRUE(Ordinary("proc_before").ok());
    FillDisk();
    ASSERT_TRUE(Reserved("proc_reserved").ok());
  });
  fs::remove(path_.string() + "-shm");
  FillDisk();
  Open();
  EXPECT_EQ(Ids(), ids_);
  const absl::Status status = Reserved("proc_more");
  EXPECT_TRUE(status.ok()) << status;
  ids_.insert("proc_more");
  ExpectWhole();
}

TEST_F(SqliteFullDiskTest, StoppedOnAFullDiskItGivesNothingUp) {
  Open();
  ASSERT_TRUE(Ordinary("proc_before").ok());
  FillDisk();
  store_.reset();
  EXPECT_EQ(SizeOf("-wal"), 0) << "as after every clean stop nothing is in the log";
  EXPECT_GE(AllocatedTo("-wal"), limits::kStoreReserveBytesMin);
  FillDisk();
  Open();
  EXPECT_EQ(Ids(), (std::set<std::string>{"proc_before"}));
  EXPECT_TRUE(Reserved("proc_more").ok());
  FreeDisk();
  store_.reset();
  EXPECT_FALSE(fs::exists(path_.string() + "-wal")) << "there was room";
}

// ---- Who may -----------------------------------------------------------------------------------

TEST_F(SqliteFullDiskTest, WhoeverGivesRoomBackMayUseIt) {
  Open();
  int count = 0;
  const auto more = [&] { return faults_->allowed() - std::exchange(count, faults_->allowed()); };
  EXPECT_TRUE(Ordinary("proc_1").ok());
  EXPECT_EQ(more(), 0);
  EXPECT_TRUE(Reserved("proc_1").ok());
  EXPECT_EQ(more(), 1);
  for (const bool may : {false, true}) {
    core::IdentityWrite write;
    write.end_sessions = {"session"};
    write.may_use_reserve = may;
    Await([&](auto done) { store_->CommitIdentity(write, core::Envelope::OfSystem(), done); });
    EXPECT_EQ(more(), may ? 1 : 0);
    Await([&](auto done) {
      store_->CommitObjects({.apply = [](core::ObjectRows&, int64_t,
                                         core::ObjectWrite::Outcome&) { return absl::OkStatus(); },
                             .may_use_reserve = may},
                            core::Envelope::OfSystem(), done);
    });
    EXPECT_EQ(more(), may ? 1 : 0);
  }
  Await([&](auto done) { store_->SaveBootId("boot", done); });
  EXPECT_EQ(more(), 1) << "a start on a full disk";
  Await([&](auto done) { store_->ForgetBlob("sha", 0, done); });
  EXPECT_EQ(more(), 1) << "what nothing names is removed";
}

TEST_F(SqliteFullDiskTest, AFileSystemThatKeepsNoRoomIsSaid) {
  Mount("ramfs", "");
  Open();
  EXPECT_FALSE(store_->statistics().reserve_is_supported);
  EXPECT_EQ(store_->statistics().reserve_kept_bytes, 0);
  EXPECT_TRUE(Ordinary("proc_1", 100'000).ok());
  EXPECT_TRUE(Reserved("proc_2").ok());
  ExpectWhole();
}

}  // namespace
}  // namespace grpc_os::store
