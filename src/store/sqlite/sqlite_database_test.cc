#include "store/sqlite/sqlite_database.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/error_reason.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "store/sqlite/sqlite_clean_stop.h"
#include "store/store.h"
#include "store/store_under_test.h"

namespace {

// SQLite's way to the disk, counted, and failing on demand.
std::atomic<int> syncs{0};
std::atomic<bool> fail_syncs{false};

}  // namespace

// Stands in front of the C library's, for this program and the libraries it loads.
extern "C" int fdatasync(int fd) {
  ++syncs;
  if (fail_syncs) {
    errno = EIO;
    return -1;
  }
  return static_cast<int>(syscall(SYS_fdatasync, fd));
}

namespace grpc_os::store {
namespace {

namespace fs = std::filesystem;
using core::Process;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

std::string BytesOf(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void WriteBytes(const fs::path& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << bytes;
  ASSERT_TRUE(file.flush().good()) << path;
}

int ModeOf(const fs::path& path) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0 ? static_cast<int>(info.st_mode & 07777) : -1;
}

core::ProcessWrite PutOf(const std::string& id, size_t environment_bytes = 0) {
  Process process;
  process.id = id;
  process.name = "name-of-" + id;
  process.spec.command = "true";
  FillSpec(process, environment_bytes);
  core::Event event;
  event.kind = "process";
  event.resource_id = id;
  event.action = "created";
  return {.put = {process}, .remove = {}, .events = {event}};
}

absl::StatusOr<int64_t> Commit(Store& store, core::ProcessWrite write) {
  std::promise<absl::StatusOr<int64_t>> promise;
  store.Commit(std::move(write), core::Envelope::OfSystem(),
               [&](absl::StatusOr<int64_t> revision) { promise.set_value(std::move(revision)); });
  return promise.get_future().get();
}

absl::StatusOr<std::vector<core::Event>> Events(Store& store) {
  std::promise<absl::StatusOr<std::vector<core::Event>>> promise;
  store.ReadEvents({}, 0, 1000, [&](absl::StatusOr<std::vector<core::Event>> events) {
    promise.set_value(std::move(events));
  });
  return promise.get_future().get();
}

absl::StatusOr<std::unique_ptr<Store>> OpenStore(const fs::path& path) {
  auto database = OpenSqlite(path);
  if (!database.ok()) return database.status();
  return Store::Open(*std::move(database));
}

std::vector<std::string> Ids(Store& store) {
  const auto processes = store.LoadProcesses();
  EXPECT_TRUE(processes.ok()) << processes.status();
  std::vector<std::string> ids;
  if (processes.ok()) {
    for (const Process& process : *processes) ids.push_back(process.id);
  }
  return ids;
}

// The one number that a pragma answers.
int64_t Pragma(Connection& connection, const char* name) {
  auto statement = connection.Prepare(absl::StrCat("PRAGMA ", name));
  EXPECT_TRUE(statement.ok()) << statement.status();
  const auto row = (*statement)->Step();
  EXPECT_TRUE(row.ok() && *row);
  const int64_t value = (*statement)->Int(0);
  (*statement)->Reset();
  return value;
}

class SqliteTest : public testing::Test {
 protected:
  SqliteTest() {
    // A child that is to die works in the directory of the test that made it, and leaves nothing.
    const char* inherited = getenv("GRPC_OS_FAILPOINT_DIR");
    std::string pattern = fs::temp_directory_path() / "sqlite.XXXXXX";
    directory_ = inherited != nullptr ? inherited : mkdtemp(pattern.data());
    path_ = directory_ / "grpc-os.db";
  }
  ~SqliteTest() override {
    fail_syncs = false;
    fs::remove_all(directory_);
  }

  // Opens, commits `ids`, closes.
  void Fill(const std::vector<std::string>& ids) {
    auto store = OpenStore(path_);
    ASSERT_TRUE(store.ok()) << store.status();
    for (const std::string& id : ids) ASSERT_TRUE(Commit(**store, PutOf(id)).ok());
  }

  // It is refused so, twice over, and the file stays as it is.
  void ExpectRefused(absl::StatusCode code, const std::string& words) {
    const std::string before = BytesOf(path_);
    for (int i = 0; i < 2; ++i) {
      const auto store = OpenStore(path_);
      EXPECT_EQ(store.status().code(), code) << store.status();
      EXPECT_THAT(std::string(store.status().message()),
                  AllOf(HasSubstr(words), HasSubstr(path_.string())));
    }
    EXPECT_TRUE(BytesOf(path_) == before) << "the refused file was changed";
  }

  fs::path directory_;
  fs::path path_;
};

// ---- The file ----------------------------------------------------------------------------------

TEST_F(SqliteTest, FilesArePrivate) {
  const mode_t mask = umask(0);
  {
    auto store = OpenStore(path_);
    ASSERT_TRUE(store.ok()) << store.status();
    ASSERT_TRUE(Commit(**store, PutOf("proc_1")).ok());
    EXPECT_EQ(ModeOf(path_), 0600);
    EXPECT_EQ(ModeOf(path_.string() + "-wal"), 0600);
    EXPECT_EQ(ModeOf(path_.string() + "-shm"), 0600);
  }
  umask(mask);
  ASSERT_EQ(chmod(path_.c_str(), 0644), 0);
  ASSERT_TRUE(OpenSqlite(path_).ok());
  EXPECT_EQ(ModeOf(path_), 0600);
}

TEST_F(SqliteTest, ClosedItIsOneFile) {
  Fill({"proc_1"});
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(directory_)) {
    names.push_back(entry.path().filename());
  }
  EXPECT_THAT(names, ElementsAre("grpc-os.db"));
}

TEST_F(SqliteTest, AnInterruptedCreationIsBegunAgain) {
  WriteBytes(path_.string() + ".new", "half a header");
  WriteBytes(path_.string() + ".new-wal", "half a log");
  Fill({"proc_1"});
  EXPECT_FALSE(fs::exists(path_.string() + ".new"));
}

TEST_F(SqliteTest, TheConnectionsAreSetUpAsDesigned) {
  auto database = OpenSqlite(path_);
  ASSERT_TRUE(database.ok()) << database.status();
  auto writer = (*database)->OpenWriter();
  ASSERT_TRUE(writer.ok()) << writer.status();
  auto reader = (*database)->OpenReader();
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_EQ(Pragma(**writer, "synchronous"), 2);  // FULL
  EXPECT_EQ(Pragma(**writer, "foreign_keys"), 1);
  EXPECT_EQ(Pragma(**writer, "wal_autocheckpoint"), 4000);
  EXPECT_EQ(Pragma(**reader, "wal_autocheckpoint"), 0);
  EXPECT_EQ(Pragma(**writer, "cache_size"), -2048);
  EXPECT_EQ(Pragma(**reader, "cache_size"), -1024);
  for (Connection* connection : {writer->get(), reader->get()}) {
    EXPECT_EQ(Pragma(*connection, "page_size"), 4096);
    EXPECT_EQ(Pragma(*connection, "trusted_schema"), 0);
    EXPECT_EQ(Pragma(*connection, "cell_size_check"), 1);
    EXPECT_EQ(Pragma(*connection, "busy_timeout"), 5000);
  }
}

TEST_F(SqliteTest, ThereIsOneWriterAtATime) {
  auto database = OpenSqlite(path_);
  ASSERT_TRUE(database.ok()) << database.status();
  auto writer = (*database)->OpenWriter();
  ASSERT_TRUE(writer.ok());
  EXPECT_EQ((*database)->OpenWriter().status().code(), absl::StatusCode::kFailedPrecondition);
  writer->reset();
  EXPECT_TRUE((*database)->OpenWriter().ok());
}

TEST_F(SqliteTest, AReaderCannotWrite) {
  Fill({"proc_1"});
  auto database = OpenSqlite(path_);
  auto writer = (*database)->OpenWriter();
  auto reader = (*database)->OpenReader();
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_EQ((*reader)->Execute("DELETE FROM processes").code(), absl::StatusCode::kUnavailable);
}

// ---- Files that are not ours to touch ----------------------------------------------------------

TEST_F(SqliteTest, AFileThatIsNoDatabaseIsRefused) {
  WriteBytes(path_, std::string(20'000, 'x'));
  ExpectRefused(absl::StatusCode::kDataLoss, "damaged");
}

TEST_F(SqliteTest, ADatabaseWithADamagedHeaderIsRefused) {
  Fill({"proc_1"});
  std::string bytes = BytesOf(path_);
  bytes.replace(0, 16, "no format at all");
  WriteBytes(path_, bytes);
  ExpectRefused(absl::StatusCode::kDataLoss, "damaged");
}

TEST_F(SqliteTest, ATruncatedDatabaseIsRefused) {
  Fill({"proc_1"});
  WriteBytes(path_, BytesOf(path_).substr(0, 4096 + 100));
  ExpectRefused(absl::StatusCode::kDataLoss, "damaged");
}

TEST_F(SqliteTest, AnEmptyFileIsRefused) {
  WriteBytes(path_, "");
  ExpectRefused(absl::StatusCode::kDataLoss, "content was lost");
}

TEST_F(SqliteTest, ADirectoryInItsPlaceIsRefused) {
  fs::create_directory(path_);
  EXPECT_EQ(OpenSqlite(path_).status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(SqliteTest, ALogWithoutItsDatabaseIsRefused) {
  Fill({"proc_1"});
  fs::rename(path_, directory_ / "moved.db");
  WriteBytes(path_.string() + "-wal", "frames");
  EXPECT_EQ(OpenSqlite(path_).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_FALSE(fs::exists(path_));
  EXPECT_EQ(BytesOf(path_.string() + "-wal"), "frames");
}

TEST_F(SqliteTest, AnotherProgramsDatabaseIsRefused) {
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &db), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(db, "CREATE TABLE theirs (x)", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(db);
  ExpectRefused(absl::StatusCode::kFailedPrecondition, "another program");
}

TEST_F(SqliteTest, ANewerSchemaIsRefused) {
  Fill({"proc_1"});
  {
    auto database = OpenSqlite(path_);
    auto writer = (*database)->OpenWriter();
    ASSERT_TRUE((*writer)->Execute("UPDATE store_meta SET schema_version = 99").ok());
  }
  const std::string before = BytesOf(path_);
  const auto store = OpenStore(path_);
  EXPECT_EQ(store.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(store.status().message()),
              AllOf(HasSubstr("newer gRPC OS"), HasSubstr("99")));
  EXPECT_TRUE(BytesOf(path_) == before);
}

// A page in the middle is found when it is read, by its reader, and the rest goes on.
TEST_F(SqliteTest, ADamagedTableIsDataLoss) {
  Fill({"proc_1"});
  int64_t page = 0;
  {
    auto database = OpenSqlite(path_);
    auto writer = (*database)->OpenWriter();
    auto root = (*writer)->Prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'processes'");
    ASSERT_TRUE(root.ok() && *(*root)->Step());
    page = (*root)->Int(0);
    (*root)->Reset();
  }
  std::string bytes = BytesOf(path_);
  bytes.replace((page - 1) * 4096, 4096, std::string(4096, '\x5a'));
  WriteBytes(path_, bytes);
  auto store = OpenStore(path_);
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_EQ((*store)->LoadProcesses().status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(Commit(**store, PutOf("proc_2")).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(Events(**store)->size(), 1u);
}

TEST_F(SqliteTest, ARowThatCannotBeIsDataLoss) {
  Fill({"proc_1", "proc_2"});
  const auto damage = [&](const char* sql) {
    auto database = OpenSqlite(path_);
    auto writer = (*database)->OpenWriter();
    ASSERT_TRUE((*writer)->Execute(sql).ok());
  };
  const auto expect_data_loss = [&](const char* words) {
    auto store = OpenStore(path_);
    const absl::Status status = (*store)->LoadProcesses().status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
    EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr("proc_2"), HasSubstr(words)));
  };
  damage("UPDATE processes SET state = 'asleep' WHERE id = 'proc_2'");
  expect_data_loss("asleep");
  damage("UPDATE processes SET state = 'running', exit_reason = 'bored' WHERE id = 'proc_2'");
  expect_data_loss("bored");
  damage("UPDATE processes SET exit_reason = NULL, desired_state = '' WHERE id = 'proc_2'");
  expect_data_loss("desired_state");
  damage("UPDATE processes SET desired_state = 'stopped' WHERE id = 'proc_2'");
  damage("UPDATE process_specs SET spec = x'01780a' WHERE process_id = 'proc_2'");
  expect_data_loss("its spec: field 60 is none that this program knows");
  damage("UPDATE process_specs SET spec = x'02' WHERE process_id = 'proc_2'");
  expect_data_loss("its spec: it has the format 2");
  damage("DELETE FROM process_specs WHERE process_id = 'proc_2'");
  expect_data_loss("its spec is missing");
}

// Where it has rolled back by itself: else each refusal on a full disk is one more line in the log.
TEST_F(SqliteTest, ARollbackOfNothingIsNoError) {
  Fill({"proc_1"});
  const auto database = OpenSqlite(path_);
  auto writer = (*database)->OpenWriter();
  ASSERT_TRUE(writer.ok());
  EXPECT_TRUE((*writer)->Execute("ROLLBACK").ok());
}

TEST_F(SqliteTest, AnErrorNeverShowsAStatement) {
  Fill({"proc_1"});
  const auto database = OpenSqlite(path_);
  auto writer = (*database)->OpenWriter();
  ASSERT_TRUE(writer.ok());
  const std::vector<absl::Status> errors = {
      (*writer)->Prepare("SELECT secret FROM nowhere").status(),
      (*writer)->Execute("INSERT INTO store_meta SELECT * FROM store_meta"),
      (*writer)->Execute("COMMIT"),
  };
  for (const absl::Status& error : errors) {
    EXPECT_FALSE(error.ok());
    EXPECT_THAT(std::string(error.message()),
                AllOf(Not(HasSubstr("SELECT")), Not(HasSubstr("INSERT")), Not(HasSubstr("COMMIT")),
                      HasSubstr("(SQLite ")));
  }
}

// ---- A clean stop ------------------------------------------------------------------------------

TEST_F(SqliteTest, ACleanStopIsKnownUntilSomethingIsWritten) {
  Fill({"proc_1"});
  EXPECT_FALSE(WasStoppedCleanly(path_)) << "nobody said so";
  RecordCleanStop(path_, 1);
  EXPECT_TRUE(WasStoppedCleanly(path_));
  const fs::path copy = directory_ / "copy.db";
  fs::copy(path_, copy);
  fs::copy(path_.string() + "-clean", copy.string() + "-clean");
  EXPECT_TRUE(WasStoppedCleanly(copy));
  RecordCleanStop(path_, 2);
  EXPECT_FALSE(WasStoppedCleanly(path_)) << "a mark of another revision";
  RecordCleanStop(path_, 1);
  fs::resize_file(copy, fs::file_size(copy) - 4096);
  EXPECT_FALSE(WasStoppedCleanly(copy)) << "a file of another size";
  ForgetCleanStop(path_);
  EXPECT_FALSE(WasStoppedCleanly(path_));
  {
    auto store = OpenStore(path_);
    ASSERT_TRUE(Commit(**store, PutOf("proc_2")).ok());
    RecordCleanStop(path_, 2);
    EXPECT_FALSE(WasStoppedCleanly(path_)) << "it has a log";
  }
}

// ---- Storage that fails ------------------------------------------------------------------------

TEST_F(SqliteTest, AMissingDirectoryIsUnavailable) {
  const auto database = OpenSqlite(directory_ / "none" / "grpc-os.db");
  EXPECT_EQ(database.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(database.status().message()), HasSubstr("directory"));
}

TEST_F(SqliteTest, AnAnswerComesAfterTheSync) {
  auto store = OpenStore(path_);
  ASSERT_TRUE(store.ok()) << store.status();
  for (int i = 0; i < 5; ++i) {
    const int before = syncs;
    ASSERT_TRUE(Commit(**store, PutOf(absl::StrCat("proc_", i))).ok());
    EXPECT_GT(syncs, before) << "commit " << i << " was answered without a sync";
  }
}

TEST_F(SqliteTest, AFailedSyncIsARefusal) {
  auto store = OpenStore(path_);
  ASSERT_TRUE(store.ok()) << store.status();
  ASSERT_TRUE(Commit(**store, PutOf("proc_1")).ok());
  fail_syncs = true;
  const auto refused = Commit(**store, PutOf("proc_2"));
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("Input/output error"));
  EXPECT_EQ(ReasonOf(refused.status()), core::reason::kStoreUnavailable);
  EXPECT_THAT(Ids(**store), ElementsAre("proc_1"));
  fail_syncs = false;
  EXPECT_EQ(NumberOf(Commit(**store, PutOf("proc_3"))), 2);
  store->reset();
  EXPECT_THAT(Ids(**OpenStore(path_)), ElementsAre("proc_1", "proc_3"));
}

// A file system of its own.
class SmallDiskTest : public SqliteTest {
 protected:
  void SetUp() override {
    // A test that cannot mount has proved nothing, so it fails.
    ASSERT_EQ(mount("tmpfs", directory_.c_str(), "tmpfs", MS_NODEV | MS_NOSUID, "size=4m"), 0)
        << "cannot mount a tmpfs: " << strerror(errno) << "; run this test as root";
    mounted_ = true;
  }
  void TearDown() override {
    if (mounted_) {
      EXPECT_EQ(umount2(directory_.c_str(), 0), 0) << strerror(errno);
    }
  }

  // Leaves no free byte.
  void FillDisk() {
    std::ofstream file(directory_ / "ballast", std::ios::binary);
    const std::string block(4096, 'b');
    while (file.write(block.data(), block.size()).flush()) {
    }
  }
  void FreeDisk() { fs::remove(directory_ / "ballast"); }

  bool mounted_ = false;
};

TEST_F(SmallDiskTest, AFullDiskRefusesWritesAndNothingElse) {
  auto store = OpenStore(path_);
  ASSERT_TRUE(store.ok()) << store.status();
  std::vector<std::string> stored = {"proc_000"};
  ASSERT_TRUE(Commit(**store, PutOf("proc_000")).ok());
  FillDisk();
  absl::Status refused;
  // What was allotted to the log already may be used up first.
  for (int i = 1; i < 100 && refused.ok(); ++i) {
    const std::string id = absl::StrCat("proc_", i / 100, i / 10 % 10, i % 10);
    refused = Commit(**store, PutOf(id, 100'000)).status();
    if (refused.ok()) stored.push_back(id);
  }
  EXPECT_EQ(refused.code(), absl::StatusCode::kUnavailable) << refused;
  EXPECT_EQ(ReasonOf(refused), core::reason::kDiskFull);
  EXPECT_EQ(
      std::string(refused.message()),
      absl::StrCat("disk full: 0 MiB free in ", std::filesystem::path(path_).parent_path().string(),
                   "; nothing was stored. What gives room works: `kill NAME`, `delete "
                   "NAME`, `rm --now PATH`"));
  EXPECT_EQ(Ids(**store), stored);
  EXPECT_EQ(Events(**store)->size(), stored.size());
  EXPECT_EQ((*store)->NewestRevision(), static_cast<int64_t>(stored.size()));
  EXPECT_TRUE((*store)->LoadSessions(0).ok());

  FreeDisk();
  const auto revision = Commit(**store, PutOf("proc_after", 100'000));
  ASSERT_TRUE(revision.ok()) << revision.status();
  EXPECT_EQ(*revision, static_cast<int64_t>(stored.size()) + 1);
  stored.push_back("proc_after");
  store->reset();
  store = OpenStore(path_);
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_EQ(Ids(**store), stored);
}

// Large writes fail, small ones of the same group are stored: each is answered by its own result.
TEST_F(SmallDiskTest, AWriteTooLargeForTheDiskTakesNothingWithIt) {
  auto store = OpenStore(path_);
  ASSERT_TRUE(store.ok()) << store.status();
  std::promise<void> held;
  std::promise<void> release;
  (*store)->PutAudit({}, [&](const absl::Status&) {
    held.set_value();
    release.get_future().wait();
  });
  held.get_future().wait();
  std::vector<std::future<absl::StatusOr<int64_t>>> answers;
  for (const size_t bytes : {100u, 8u << 20, 200u, 8u << 20, 300u}) {
    auto promise = std::make_shared<std::promise<absl::StatusOr<int64_t>>>();
    answers.push_back(promise->get_future());
    (*store)->Commit(
        PutOf(absl::StrCat("proc_", answers.size()), bytes), core::Envelope::OfSystem(),
        [promise](const absl::StatusOr<int64_t>& answer) { promise->set_value(answer); });
  }
  release.set_value();
  EXPECT_EQ(NumberOf(answers[0].get()), 1);
  EXPECT_EQ(answers[1].get().status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(NumberOf(answers[2].get()), 2);
  EXPECT_EQ(answers[3].get().status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(NumberOf(answers[4].get()), 3);
  EXPECT_THAT(Ids(**store), ElementsAre("proc_1", "proc_3", "proc_5"));
}

TEST_F(SmallDiskTest, AConnectionCallsAFullDiskExhausted) {
  auto database = OpenSqlite(path_);
  auto writer = (*database)->OpenWriter();
  ASSERT_TRUE((*writer)->Execute("CREATE TABLE filler (x BLOB)").ok());
  FillDisk();
  absl::Status status;
  for (int i = 0; i < 100 && status.ok(); ++i) {
    status = (*writer)->Execute("INSERT INTO filler VALUES (zeroblob(100000))");
  }
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
}

TEST_F(SmallDiskTest, AFullDiskAtTheStartIsSaid) {
  FillDisk();
  const auto database = OpenSqlite(path_);
  EXPECT_EQ(database.status().code(), absl::StatusCode::kResourceExhausted) << database.status();
  FreeDisk();
  Fill({"proc_1"});
}

TEST_F(SmallDiskTest, AReadOnlyFileSystemIsUnavailable) {
  const auto remount = [&](unsigned long flags) {
    return mount("tmpfs", directory_.c_str(), "tmpfs", MS_REMOUNT | MS_NODEV | MS_NOSUID | flags,
                 "size=4m");
  };
  ASSERT_EQ(remount(MS_RDONLY), 0) << strerror(errno);
  const auto fresh = OpenStore(path_);
  EXPECT_EQ(fresh.status().code(), absl::StatusCode::kUnavailable) << fresh.status();
  EXPECT_THAT(std::string(fresh.status().message()), HasSubstr("Read-only file system"));
  ASSERT_EQ(remount(0), 0) << strerror(errno);
  Fill({"proc_1"});
  ASSERT_EQ(remount(MS_RDONLY), 0) << strerror(errno);
  const auto store = OpenStore(path_);
  EXPECT_EQ(store.status().code(), absl::StatusCode::kUnavailable) << store.status();
  EXPECT_THAT(std::string(store.status().message()), HasSubstr("Read-only file system"));
  ASSERT_EQ(remount(0), 0) << strerror(errno);
  EXPECT_THAT(Ids(**OpenStore(path_)), ElementsAre("proc_1"));
}

// ---- Failpoints --------------------------------------------------------------------------------

class FailpointDeathTest : public SqliteTest {
 protected:
  // Kills a child at `failpoint`, during its first commit.
  void DieAt(const std::string& failpoint) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    setenv("GRPC_OS_FAILPOINT_DIR", directory_.c_str(), 1);
    WriteBytes(directory_ / failpoint, "");
    EXPECT_EXIT(
        {
          auto store = OpenStore(path_);
          Commit(**store, PutOf("proc_1")).IgnoreError();
        },
        testing::KilledBySignal(SIGKILL), "");
    unsetenv("GRPC_OS_FAILPOINT_DIR");
    EXPECT_TRUE(fs::exists(directory_ / (failpoint + ".hit"))) << "it was not reached";
  }
};

TEST_F(FailpointDeathTest, BeforeTheCommitNothingIsThere) {
  DieAt("store.before_commit");
  EXPECT_THAT(Ids(**OpenStore(path_)), IsEmpty());
}

TEST_F(FailpointDeathTest, AfterTheCommitEverythingIsThere) {
  DieAt("store.after_commit");
  EXPECT_THAT(Ids(**OpenStore(path_)), ElementsAre("proc_1"));
}

}  // namespace
}  // namespace grpc_os::store
