// A file of each earlier schema opens, and loses nothing that was to be kept.
#include <stdlib.h>

#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "store/sqlite/sqlite_database.h"
#include "store/store.h"
#include "store/store_under_test.h"

namespace grpc_os::store {
namespace {

namespace fs = std::filesystem;
using testing::IsEmpty;
using testing::SizeIs;

class SqliteMigrationTest : public testing::Test {
 protected:
  SqliteMigrationTest() {
    std::string pattern = fs::temp_directory_path() / "migration.XXXXXX";
    directory_ = mkdtemp(pattern.data());
    path_ = directory_ / "grpc-os.db";
  }
  ~SqliteMigrationTest() override { fs::remove_all(directory_); }

  std::unique_ptr<Store> Open() {
    auto database = OpenSqlite(path_);
    EXPECT_TRUE(database.ok()) << database.status();
    auto store = Store::Open(*std::move(database));
    EXPECT_TRUE(store.ok()) << store.status();
    return *std::move(store);
  }
  static int64_t Commit(Store& store, core::ProcessWrite write) {
    std::promise<int64_t> answer;
    store.Commit(std::move(write), [&](const absl::StatusOr<int64_t>& revision) {
      answer.set_value(NumberOf(revision));
    });
    return answer.get_future().get();
  }
  // What version 1 had otherwise, with a session in it. Its other tables are those of today.
  void MakeVersion1() {
    { ASSERT_EQ(Commit(*Open(), PutOf("proc_1", "one")), 1); }
    auto database = OpenSqlite(path_);
    auto writer = (*database)->OpenWriter();
    for (const char* sql : {
             "DROP TABLE users",
             "DROP TABLE sessions",
             "DROP TABLE audit_records",
             "DROP TABLE requests",
             // NOLINTNEXTLINE(bugprone-suspicious-missing-comma): one statement over three lines
             "CREATE TABLE sessions (id TEXT NOT NULL PRIMARY KEY, user_name TEXT NOT NULL, "
             "method TEXT NOT NULL, peer_uid INTEGER NOT NULL, create_time_ms INTEGER NOT NULL, "
             "expire_time_ms INTEGER NOT NULL) STRICT",
             "CREATE INDEX sessions_by_expiry ON sessions (expire_time_ms)",
             "INSERT INTO sessions VALUES ('s1', 'admin', 'peer', 0, 1, 9000000000000)",
             "UPDATE store_meta SET schema_version = 1, boot_id = 'boot'",
         }) {
      ASSERT_TRUE((*writer)->Execute(sql).ok()) << sql;
    }
  }

  fs::path directory_;
  fs::path path_;
};

TEST_F(SqliteMigrationTest, Version1KeepsAllButItsShortSessions) {
  MakeVersion1();
  for (int i = 0; i < 2; ++i) {  // migrated, and opened once more
    const auto store = Open();
    EXPECT_THAT(*store->LoadProcesses(), SizeIs(1));
    EXPECT_EQ(store->NewestRevision(), 1 + i);
    EXPECT_EQ(*store->LoadBootId(), "boot");
    EXPECT_THAT(*store->LoadUsers(), IsEmpty());
    EXPECT_THAT(*store->LoadSessions(0), SizeIs(i));
    core::IdentityWrite write;
    write.put_users = {MakeUser("anna")};
    write.put_sessions = {MakeSession("s2", 1, 9'000'000'000'000)};
    write.events = {MakeEvent("anna", "created")};
    write.trace.audit = {MakeRecord("anna")};
    write.trace.requests = {MakeRequest("r1")};
    std::promise<int64_t> answer;
    store->CommitIdentity(write, [&](const absl::StatusOr<int64_t>& revision) {
      answer.set_value(NumberOf(revision));
    });
    EXPECT_EQ(answer.get_future().get(), 2 + i);
    write = {};
    write.remove_users = {"anna"};
    std::promise<void> removed;
    store->CommitIdentity(write, [&](const absl::StatusOr<int64_t>&) { removed.set_value(); });
    removed.get_future().wait();
  }
}

}  // namespace
}  // namespace grpc_os::store
