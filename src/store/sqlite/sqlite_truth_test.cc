// A database that was cut off, overwritten or damaged, or is not there, is refused at the start in
// one sentence with the cure, and stays byte for byte what it was.
#include <sqlite3.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "store/sqlite/disk_harness.h"
#include "store/sqlite/sqlite_database.h"
#include "store/store.h"
#include "store/store_under_test.h"

namespace grpc_os::store {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

constexpr size_t kPage = 4096;

std::string BytesOf(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void WriteBytes(const fs::path& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << bytes;
  ASSERT_TRUE(file.flush().good()) << path;
}

class SqliteTruthTest : public testing::Test {
 protected:
  SqliteTruthTest() {
    std::string pattern = fs::temp_directory_path() / "truth.XXXXXX";
    directory_ = mkdtemp(pattern.data());
    path_ = directory_ / "grpc-os.db";
    log_ = path_.string() + "-wal";
  }
  ~SqliteTruthTest() override { fs::remove_all(directory_); }

  absl::StatusOr<std::unique_ptr<Store>> Open(const std::string& sign_of_use = "") {
    auto database = OpenSqlite(path_, sign_of_use);
    if (!database.ok()) return database.status();
    return Store::Open(*std::move(database));
  }
  static void Commit(Store& store, const std::string& id, size_t bytes) {
    core::ProcessWrite write = PutOf(id, id);
    FillSpec(write.put[0], bytes);
    std::promise<absl::Status> answer;
    store.Commit(std::move(write), core::Envelope::OfSystem(),
                 [&](const auto& result) { answer.set_value(result.status()); });
    const absl::Status status = answer.get_future().get();
    ASSERT_TRUE(status.ok()) << status;
  }
  // Stopped cleanly: one file.
  void MakeClosed() {
    auto store = Open();
    ASSERT_TRUE(store.ok()) << store.status();
    for (int i = 0; i < 10; ++i) Commit(**store, absl::StrCat("proc_", i), 20'000);
  }
  // As a SIGKILL leaves it: some of it in the database, some in the log.
  void MakeUnclean() {
    MakeClosed();
    auto store = Open();
    ASSERT_TRUE(store.ok()) << store.status();
    for (int i = 10; i < 20; ++i) Commit(**store, absl::StrCat("proc_", i), 20'000);
    const std::string database = BytesOf(path_);
    const std::string log = BytesOf(log_);
    store->reset();
    WriteBytes(path_, database);
    WriteBytes(log_, log);
    ASSERT_GT(log.size(), 20 * kPage);
  }
  std::map<std::string, std::string> Bytes() const {
    return {{"database", BytesOf(path_)}, {"log", BytesOf(log_)}};
  }

  // Twice over, so that the first refusal is seen to change nothing either.
  void ExpectRefused(const std::string& words) {
    const auto before = Bytes();
    for (int i = 0; i < 2; ++i) {
      const auto store = Open();
      ASSERT_FALSE(store.ok()) << words;
      EXPECT_EQ(store.status().code(), absl::StatusCode::kDataLoss) << store.status();
      EXPECT_THAT(
          std::string(store.status().message()),
          AllOf(HasSubstr(words), HasSubstr(path_.string()), HasSubstr("restore a backup")));
    }
    EXPECT_TRUE(Bytes() == before) << words << ": the refused files were changed";
  }
  void ExpectOpens(size_t processes) {
    const auto store = Open();
    ASSERT_TRUE(store.ok()) << store.status();
    EXPECT_EQ((*store)->LoadProcesses()->size(), processes);
  }

  fs::path directory_;
  fs::path path_;
  fs::path log_;
};

TEST_F(SqliteTruthTest, CutOffAnywhere) {
  MakeClosed();
  const std::string whole = BytesOf(path_);
  for (const size_t size : {size_t{1}, size_t{99}, size_t{100}, kPage - 1, kPage, 2 * kPage + 17,
                            whole.size() - kPage, whole.size() - 1}) {
    WriteBytes(path_, whole.substr(0, size));
    ExpectRefused(size < 100 ? "does not begin" : "cut off");
  }
  WriteBytes(path_, whole);
  ExpectOpens(10);
}

TEST_F(SqliteTruthTest, CutOffBesideALog) {
  MakeUnclean();
  const auto whole = Bytes();
  for (const size_t size : {kPage, 5 * kPage, whole.at("database").size() - kPage}) {
    WriteBytes(path_, whole.at("database").substr(0, size));
    ExpectRefused("cut off");
  }
  WriteBytes(path_, whole.at("database"));
  ExpectOpens(20);
}

TEST_F(SqliteTruthTest, OverwrittenWithGarbage) {
  MakeUnclean();
  const auto whole = Bytes();
  WriteBytes(path_, std::string(whole.at("database").size(), '\x5a'));
  ExpectRefused("does not begin");
  std::string header = whole.at("database");
  header.replace(0, 16, "no format at all");
  WriteBytes(path_, header);
  ExpectRefused("does not begin");
  header = whole.at("database");
  header.replace(16, 2, "\x12\x34");
  WriteBytes(path_, header);
  ExpectRefused("pages of");
}

TEST_F(SqliteTruthTest, APageDamagedUnderAnUncleanStop) {
  MakeUnclean();
  const std::string whole = BytesOf(path_);
  // In the middle of what the log does not cover.
  std::string bytes = whole;
  bytes.replace(whole.size() / kPage / 2 * kPage, kPage, std::string(kPage, '\x5a'));
  WriteBytes(path_, bytes);
  ExpectRefused("unclean stop");
}

TEST_F(SqliteTruthTest, ALogDamagedInTheMiddle) {
  MakeUnclean();
  const std::string whole = BytesOf(log_);
  const size_t frame = 24 + kPage;
  for (const size_t at : {32 + frame * 3 + 100, 32 + frame * 3 + 9, 32 + frame * 5 + 17}) {
    std::string bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] + 1);
    WriteBytes(log_, bytes);
    ExpectRefused("commits lie behind it");
  }
  for (const size_t at : {0, 9, 17, 25}) {
    std::string bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] + 1);
    WriteBytes(log_, bytes);
    ExpectRefused("its header is not valid");
  }
  WriteBytes(log_, whole);
  ExpectOpens(20);
}

// The last transaction may be torn: it was never acknowledged.
TEST_F(SqliteTruthTest, ALogThatIsTornAtItsEndOpens) {
  MakeUnclean();
  std::string bytes = BytesOf(log_);
  bytes[bytes.size() - 100] ^= 1;
  WriteBytes(log_, bytes);
  ExpectOpens(19);
}

// Before a log begins again all of it is in the database; then its header is written anew, and
// synced before the first frame. The power may go before that.
TEST_F(SqliteTruthTest, ALogWhoseHeaderWasTornWhenItBeganAgainOpens) {
  MakeClosed();
  auto store = Open();
  ASSERT_TRUE(store.ok()) << store.status();
  for (int i = 10; i < 20; ++i) Commit(**store, absl::StrCat("proc_", i), 20'000);
  const std::string before = BytesOf(path_);
  sqlite3* db = nullptr;
  int frames = 0;
  int moved = 0;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &db), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(db, "PRAGMA user_version", nullptr, nullptr, nullptr), SQLITE_OK);
  ASSERT_EQ(sqlite3_wal_checkpoint_v2(db, nullptr, SQLITE_CHECKPOINT_FULL, &frames, &moved),
            SQLITE_OK);
  ASSERT_EQ(frames, moved);
  ASSERT_GT(frames, 20);
  const auto whole = Bytes();
  sqlite3_close(db);
  store->reset();
  for (const size_t at : {0, 9, 17, 25}) {
    std::string bytes = whole.at("log");
    bytes[at] = static_cast<char>(bytes[at] + 1);
    // What an even older generation left behind it is in the database, too.
    const size_t frame = 24 + kPage;
    std::string older = bytes.substr(32 + frame, 15 * frame);
    for (size_t i = 0; i < 15; ++i) older[i * frame + 11] ^= 1;
    bytes += older;
    WriteBytes(path_, whole.at("database"));
    WriteBytes(log_, bytes);
    ExpectOpens(20);
    // One page of one commit that the database does not have makes it a loss.
    WriteBytes(path_, before);
    WriteBytes(log_, bytes);
    ExpectRefused("its header is not valid");
  }
}

// Twice in a row the power goes while the last transaction is written. What the first left behind
// is no commit of the second.
TEST_F(SqliteTruthTest, ALogThatIsTornAgainOpens) {
  const size_t frame = 24 + kPage;
  MakeUnclean();
  std::string first = BytesOf(log_);
  first[first.size() - 4 * frame + 100] ^= 1;  // its last frame, with its commit, is whole
  WriteBytes(log_, first);
  auto store = Open();
  ASSERT_TRUE(store.ok()) << store.status();
  Commit(**store, "proc_x", 10);
  auto unclean = Bytes();
  store->reset();
  std::string& second = unclean.at("log");
  ASSERT_LE(second.size(), first.size());
  const size_t changed =
      std::mismatch(second.begin(), second.end(), first.begin()).first - second.begin();
  ASSERT_LT(changed, second.size());
  second[32 + (std::max<size_t>(changed, 32) - 32) / frame * frame + 100] ^= 1;
  WriteBytes(path_, unclean.at("database"));
  WriteBytes(log_, second);
  ExpectOpens(19);
}

TEST_F(SqliteTruthTest, AMissingFileOfAUsedDirectory) {
  const fs::path key = directory_ / "jwt.key";
  EXPECT_TRUE(Open(key).ok()) << "a beginning";
  WriteBytes(key, "k");
  EXPECT_TRUE(Open(key).ok());
  fs::rename(path_, directory_ / "moved");
  const auto refused = Open(key);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(refused.status().message()),
              AllOf(HasSubstr("is missing"), HasSubstr("jwt.key"), HasSubstr("start anew")));
  EXPECT_FALSE(fs::exists(path_));
}

TEST_F(SqliteTruthTest, ANewerSchemaBesideALog) {
  MakeUnclean();
  {
    auto database = OpenSqlite(path_);
    auto writer = (*database)->OpenWriter();
    auto reader = (*database)->OpenReader();
    ASSERT_TRUE((*writer)->Execute("UPDATE store_meta SET schema_version = 99").ok());
    const auto unclean = Bytes();
    reader->reset();
    writer->reset();
    WriteBytes(path_, unclean.at("database"));
    WriteBytes(log_, unclean.at("log"));
  }
  const auto before = Bytes();
  const auto store = Open();
  EXPECT_EQ(store.status().code(), absl::StatusCode::kFailedPrecondition) << store.status();
  EXPECT_TRUE(Bytes() == before);
}

// Frames of commits whose sync failed lie behind shorter ones. They are no damage.
TEST_F(SqliteTruthTest, CommitsThatFailedAreNoDamage) {
  Disk disk;
  auto store = Open();
  ASSERT_TRUE(store.ok()) << store.status();
  Commit(**store, "proc_0", 10);
  disk.SetOnStep([](const Disk::Step& step) {
    return step.kind == Disk::Step::Kind::kSync ? SQLITE_IOERR_FSYNC : SQLITE_OK;
  });
  for (const size_t bytes : {200'000, 100'000, 50'000}) {
    core::ProcessWrite write = PutOf("proc_x", "x");
    FillSpec(write.put[0], bytes);
    std::promise<absl::Status> answer;
    (*store)->Commit(write, core::Envelope::OfSystem(),
                     [&](const auto& result) { answer.set_value(result.status()); });
    ASSERT_FALSE(answer.get_future().get().ok());
  }
  disk.SetOnStep(nullptr);
  Commit(**store, "proc_1", 10);
  const auto unclean = Bytes();
  store->reset();
  WriteBytes(path_, unclean.at("database"));
  WriteBytes(log_, unclean.at("log"));
  ExpectOpens(2);
}

}  // namespace
}  // namespace grpc_os::store
