// What is written to the log is gathered, and never missed.
#include "store/sqlite/sqlite_log_file.h"

#include <sqlite3.h>
#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "store/sqlite/disk_harness.h"
#include "store/sqlite/sqlite_connection.h"
#include "store/sqlite/sqlite_database.h"

namespace grpc_os::store {
namespace {

namespace fs = std::filesystem;

class SqliteLogFileTest : public testing::Test {
 protected:
  SqliteLogFileTest() {
    const fs::path parent = fs::exists("/dev/shm") ? "/dev/shm" : fs::temp_directory_path();
    std::string pattern = parent / "log-file.XXXXXX";
    directory_ = mkdtemp(pattern.data());
    auto database = OpenSqlite(directory_ / "test.db");
    EXPECT_TRUE(database.ok()) << database.status();
    database_ = *std::move(database);
    writer_ = *database_->OpenWriter();
    reader_ = *database_->OpenReader();
    Do(*writer_, "CREATE TABLE t (number INTEGER PRIMARY KEY, bytes BLOB)");
  }
  ~SqliteLogFileTest() override {
    reader_.reset();
    writer_.reset();
    fs::remove_all(directory_);
  }

  static void Do(Connection& connection, const std::string& sql) {
    const absl::Status status = connection.Execute(sql);
    EXPECT_TRUE(status.ok()) << sql << ": " << status;
  }
  static int64_t Number(Connection& connection, const std::string& sql) {
    auto statement = connection.Prepare(sql);
    EXPECT_TRUE(statement.ok()) << statement.status();
    const auto row = (*statement)->Step();
    EXPECT_TRUE(row.ok() && *row) << row.status();
    const int64_t number = (*statement)->Int(0);
    (*statement)->Reset();
    return number;
  }
  // Rows of about a page each.
  static void Insert(Connection& connection, int from, int count) {
    for (int i = from; i < from + count; ++i)
      Do(connection, absl::StrCat("INSERT INTO t VALUES (", i, ", zeroblob(3000))"));
  }
  static constexpr char kCount[] = "SELECT COUNT(*) FROM t";
  static constexpr char kRight[] =
      "SELECT COUNT(*) FROM t WHERE bytes = CAST(printf('%03000d', number) AS BLOB)";
  static constexpr char kBytes[] = "SELECT COALESCE(SUM(LENGTH(bytes)), 0) FROM t";

  Disk disk_;
  fs::path directory_;
  std::unique_ptr<Database> database_;
  std::unique_ptr<Connection> writer_;
  std::unique_ptr<Connection> reader_;
};

TEST_F(SqliteLogFileTest, ACommitOfSeveralPagesIsOneWrite) {
  // The first one begins the log.
  Do(*writer_, "BEGIN IMMEDIATE");
  Insert(*writer_, 100, 1);
  Do(*writer_, "COMMIT");
  Do(*writer_, "BEGIN IMMEDIATE");
  Insert(*writer_, 0, 5);
  const int before = disk_.WritesTo("-wal");
  Do(*writer_, "COMMIT");
  EXPECT_EQ(disk_.WritesTo("-wal"), before + 1);
  EXPECT_FALSE(disk_.Unsynced("-wal"));
  EXPECT_EQ(Number(*reader_, kCount), 6);
}

// SQLite's own file system would take only a part of a write of 128 KiB.
TEST_F(SqliteLogFileTest, ACommitLargerThanWhatIsGatheredIsWhole) {
  for (const int rows : {14, 15, 16, 17, 31, 32, 33, 34, 400}) {
    Do(*writer_, "DELETE FROM t");
    Do(*writer_, "BEGIN IMMEDIATE");
    Insert(*writer_, 0, rows);
    const int before = disk_.WritesTo("-wal");
    Do(*writer_, "COMMIT");
    EXPECT_LT(disk_.WritesTo("-wal") - before, rows / 8 + 3) << rows;
    EXPECT_EQ(Number(*reader_, kBytes), rows * 3000);
  }
}

// More than the page cache holds is written to the log before the commit, read from there, and
// written there again.
TEST_F(SqliteLogFileTest, ATransactionReadsWhatItWroteToTheLogAndOthersDoNot) {
  Do(*writer_, "PRAGMA cache_size = 10");
  Insert(*writer_, 1000, 1);
  for (const char* end : {"ROLLBACK", "COMMIT"}) {
    Do(*writer_, "BEGIN IMMEDIATE");
    const int before = disk_.WritesTo("-wal");
    Insert(*writer_, 0, 200);
    EXPECT_GT(disk_.WritesTo("-wal"), before) << "nothing was spilled: nothing is proved";
    // Pages of which the log has frames already.
    Do(*writer_, "UPDATE t SET bytes = CAST(printf('%03000d', number) AS BLOB)");
    EXPECT_EQ(Number(*writer_, kRight), 201);
    EXPECT_EQ(Number(*reader_, kCount), 1);
    Do(*writer_, end);
  }
  EXPECT_EQ(Number(*reader_, kRight), 201);
  // What somebody finds who has the files alone: the log's checksums are right.
  const fs::path copy = directory_ / "copy.db";
  fs::copy_file(directory_ / "test.db", copy);
  fs::copy_file(directory_ / "test.db-wal", copy.string() + "-wal");
  auto found = OpenSqlite(copy);
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(Number(**(*found)->OpenWriter(), kRight), 201);
}

// A spilled frame that could not be handed on is not forgotten before its transaction ends.
TEST_F(SqliteLogFileTest, AReadThatCannotHandOnLeavesNoHole) {
  Do(*writer_, "PRAGMA cache_size = 10");
  Do(*writer_, "BEGIN IMMEDIATE");
  Insert(*writer_, 0, 200);
  bool failed = false;
  disk_.SetOnStep([&](const Disk::Step& step) {
    if (step.kind != Disk::Step::Kind::kWrite || !step.IsOf("-wal")) return SQLITE_OK;
    failed = true;
    return SQLITE_FULL;
  });
  // Of a statement like this SQLite takes back itself alone where the disk is full.
  EXPECT_FALSE(writer_->Execute("INSERT INTO t SELECT number + 5000, bytes FROM t").ok());
  EXPECT_TRUE(failed) << "nothing was gathered: nothing is proved";
  disk_.SetOnStep(nullptr);
  // It may be refused; it may not lose a page.
  const bool committed = writer_->Execute("COMMIT").ok();
  if (!committed) static_cast<void>(writer_->Execute("ROLLBACK"));
  EXPECT_EQ(Number(*reader_, kBytes), committed ? 200 * 3000 : 0);
  EXPECT_EQ(Number(*database_->OpenReader().value(), kBytes), committed ? 200 * 3000 : 0);
}

// What a rolled back transaction left gathered does not come over another's commit.
TEST_F(SqliteLogFileTest, NothingIsLeftOfATransactionThatWasRolledBack) {
  // One that does not look for what others write.
  writer_.reset();
  writer_ = *SqliteConnection::Open(directory_ / "test.db", SqliteConnection::Role::kWriter, [] {});
  Do(*writer_, "PRAGMA cache_size = 10");
  Insert(*writer_, 1000, 1);
  Do(*writer_, "BEGIN IMMEDIATE");
  Insert(*writer_, 0, 100);
  Do(*writer_, "ROLLBACK");
  sqlite3* foreign = nullptr;
  ASSERT_EQ(sqlite3_open((directory_ / "test.db").c_str(), &foreign), SQLITE_OK);
  for (int i = 0; i < 100; ++i) {
    const std::string sql = absl::StrCat("INSERT INTO t VALUES (", 2000 + i, ", zeroblob(3000))");
    ASSERT_EQ(sqlite3_exec(foreign, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK);
  }
  Do(*writer_, "BEGIN IMMEDIATE");
  constexpr char kSum[] = "SELECT SUM(number) FROM t";
  const int64_t sum = 1000 + 100 * 2000 + 99 * 100 / 2;
  EXPECT_EQ(Number(*writer_, kSum), sum);
  Insert(*writer_, 3000, 1);
  Do(*writer_, "COMMIT");
  EXPECT_EQ(Number(**database_->OpenReader(), kSum), sum + 3000);
  sqlite3_close(foreign);
}

// Other connections see a commit that is not synced, too.
TEST_F(SqliteLogFileTest, ACommitWithoutASyncIsHandedOnAll) {
  Do(*writer_, "PRAGMA synchronous = OFF");
  for (int i = 0; i < 20; ++i) {
    Insert(*writer_, i * 10, 1 + i % 4);
    EXPECT_EQ(Number(*reader_, kCount), Number(*writer_, kCount));
  }
}

TEST_F(SqliteLogFileTest, AFullDiskFailsTheCommitAndTheNextOneGoesOn) {
  for (const int rows : {3, 100}) {
    disk_.SetOnStep([](const Disk::Step& step) {
      const bool full = step.kind == Disk::Step::Kind::kWrite && step.IsOf("-wal");
      return full ? SQLITE_FULL : SQLITE_OK;
    });
    Do(*writer_, "BEGIN IMMEDIATE");
    Insert(*writer_, 10'000, rows);
    EXPECT_TRUE(absl::IsResourceExhausted(writer_->Execute("COMMIT"))) << rows;
    disk_.SetOnStep(nullptr);
    static_cast<void>(writer_->Execute("ROLLBACK"));
    EXPECT_EQ(Number(*reader_, "SELECT COUNT(*) FROM t WHERE number >= 10000"), 0);
    Do(*writer_, "BEGIN IMMEDIATE");
    Insert(*writer_, rows, 2);
    Do(*writer_, "COMMIT");
    EXPECT_EQ(Number(*reader_, absl::StrCat("SELECT COUNT(*) FROM t WHERE number >= ", rows)), 2);
    Do(*writer_, "DELETE FROM t");
  }
}

// Each writer has a way of its own, and the readers SQLite's.
TEST_F(SqliteLogFileTest, WritersOfTwoDatabasesDoNotMeet) {
  auto second = *OpenSqlite(directory_ / "second.db");
  auto other = *second->OpenWriter();
  Do(*other, "CREATE TABLE t (number INTEGER PRIMARY KEY, bytes BLOB)");
  Insert(*writer_, 0, 3);
  Insert(*other, 0, 1);
  writer_.reset();
  Insert(*other, 1, 1);
  writer_ = *database_->OpenWriter();
  Insert(*writer_, 3, 3);
  EXPECT_EQ(Number(*writer_, kCount), 6);
  EXPECT_EQ(Number(*reader_, kCount), 6);
  EXPECT_EQ(Number(*other, kCount), 2);
}

}  // namespace
}  // namespace grpc_os::store
