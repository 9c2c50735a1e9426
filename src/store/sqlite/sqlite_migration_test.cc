// A file of each earlier schema opens, and loses nothing that was to be kept.
#include <stdlib.h>

#include <filesystem>
#include <future>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "store/objects_under_test.h"
#include "store/sqlite/sqlite_check.h"
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
  // Drops the tables that version 3 did not have.
  static void DropTablesOf4(Connection& writer) {
    static const auto* const kOf3 =
        new std::set<std::string>{"store_meta", "processes", "process_environments", "events",
                                  "users",      "sessions",  "audit_records",        "requests"};
    auto statement = writer.Prepare(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'");
    ASSERT_TRUE(statement.ok());
    std::vector<std::string> tables;
    while (*(*statement)->Step()) tables.push_back((*statement)->Text(0));
    for (const std::string& table : tables) {
      if (kOf3->contains(table)) continue;
      ASSERT_TRUE(writer.Execute(absl::StrCat("DROP TABLE ", table)).ok()) << table;
    }
  }
  // What came later than `version`, 2 or 3, goes.
  void MakeEarlier(int version) {
    auto database = OpenSqlite(path_);
    auto writer = (*database)->OpenWriter();
    std::vector<std::string> statements;
    DropTablesOf4(**writer);
    if (version < 3) {
      statements.push_back("CREATE INDEX audit_records_by_user ON audit_records (user_name, id)");
      statements.push_back("CREATE INDEX audit_records_by_time ON audit_records (time_ms)");
    }
    statements.push_back(absl::StrCat("UPDATE store_meta SET schema_version = ", version));
    for (const std::string& sql : statements) ASSERT_TRUE((*writer)->Execute(sql).ok()) << sql;
  }
  // Each thing that the daemon keeps beside objects, in revisions 1 and 2.
  static void Fill(Store& store) {
    core::ProcessWrite process = PutOf("proc_1", "one");
    process.trace.audit = {MakeRecord("proc_1", 5)};
    process.trace.requests = {MakeRequest("r1", 9'000'000'000'000)};
    ASSERT_EQ(Commit(store, process), 1);
    core::IdentityWrite identity;
    identity.put_users = {MakeUser("anna")};
    identity.put_sessions = {MakeSession("s1", 1, 9'000'000'000'000)};
    identity.events = {MakeEvent("anna", "created")};
    std::promise<int64_t> answer;
    store.CommitIdentity(identity, [&](const auto& done) { answer.set_value(NumberOf(done)); });
    ASSERT_EQ(answer.get_future().get(), 2);
    ASSERT_TRUE(SaveBootId(store, "boot").ok());
  }
  static void ExpectFilled(Store& store) {
    EXPECT_THAT(*store.LoadProcesses(), SizeIs(1));
    EXPECT_THAT(*store.LoadUsers(), SizeIs(1));
    EXPECT_THAT(*store.LoadSessions(0), SizeIs(1));
    EXPECT_THAT(*store.LoadRoles(), IsEmpty());
    EXPECT_EQ(*store.LoadBootId(), "boot");
    EXPECT_THAT(*AuditOf(store, {}), SizeIs(1));
    std::promise<bool> known;
    store.FindRequest(MakeRequest("r1").key, [&](const auto& found) {
      known.set_value(found.ok() && found->has_value());
    });
    EXPECT_TRUE(known.get_future().get());
    std::promise<size_t> events;
    store.ReadEvents(0, 2, [&](const auto& found) { events.set_value(found->size()); });
    EXPECT_EQ(events.get_future().get(), 2u);
  }
  static int64_t PutObject(Store& store, const core::Object& object) {
    std::promise<int64_t> answer;
    store.CommitObjects({.apply = [&](core::ObjectRows& rows, int64_t, std::vector<core::Event>&,
                                      core::Trace&) { return rows.Insert(object); }},
                        [&](const auto& done) { answer.set_value(NumberOf(done)); });
    return answer.get_future().get();
  }
  static size_t CountObjects(Store& store) {
    std::promise<size_t> count;
    store.ListObjects({.prefix = "/"},
                      [&](const auto& page) { count.set_value(page->objects.size()); });
    return count.get_future().get();
  }
  // Its schema is that of a new database, and its content is whole.
  void ExpectWhole() {
    const auto report = CheckSqlite(path_);
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_THAT(report->findings, IsEmpty());
  }

  // What version 1 had otherwise, with a session in it. Its other tables are those of today.
  void MakeVersion1() {
    { ASSERT_EQ(Commit(*Open(), PutOf("proc_1", "one")), 1); }
    auto database = OpenSqlite(path_);
    auto writer = (*database)->OpenWriter();
    DropTablesOf4(**writer);
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
    EXPECT_EQ(CountObjects(*store), 0u);
  }
  ExpectWhole();
}

TEST_F(SqliteMigrationTest, Versions2And3KeepEverything) {
  for (const int version : {2, 3}) {
    SCOPED_TRACE(version);
    fs::remove_all(directory_);
    fs::create_directory(directory_);
    Fill(*Open());
    MakeEarlier(version);
    for (int i = 0; i < 2; ++i) {  // migrated, and opened once more
      const auto store = Open();
      ExpectFilled(*store);
      EXPECT_EQ(store->NewestRevision(), 2 + i);
      EXPECT_EQ(CountObjects(*store), static_cast<size_t>(i));
      EXPECT_EQ(PutObject(*store, MakeBlob(i + 1, absl::StrCat("/", i), 'x')), 3 + i);
    }
    ExpectWhole();
  }
}

// What was deleted under version 4 is listed, too.
TEST_F(SqliteMigrationTest, Version4KeepsEverything) {
  {
    const auto store = Open();
    Fill(*store);
    EXPECT_EQ(PutObject(*store, MakeObject(1, "/a")), 3);
    std::promise<int64_t> deleted;
    store->CommitObjects(
        {.apply =
             [](core::ObjectRows& rows, int64_t, std::vector<core::Event>&, core::Trace&) {
               if (auto status = rows.Retire(MakeObject(1, "/a"), 50, true); !status.ok())
                 return status;
               return rows.Remove(MakeObject(1, "/a"));
             }},
        [&](const auto& done) { deleted.set_value(NumberOf(done)); });
    EXPECT_EQ(deleted.get_future().get(), 4);
  }
  {
    auto database = OpenSqlite(path_);
    auto writer = (*database)->OpenWriter();
    for (const char* sql :
         {"DROP INDEX object_versions_deleted", "UPDATE store_meta SET schema_version = 4"})
      ASSERT_TRUE((*writer)->Execute(sql).ok()) << sql;
  }
  for (int i = 0; i < 2; ++i) {  // migrated, and opened once more
    const auto store = Open();
    ExpectFilled(*store);
    EXPECT_EQ(CountObjects(*store), 0u);
    std::promise<core::ObjectPage> page;
    store->ListObjects({.prefix = "/", .deleted = true},
                       [&](const auto& found) { page.set_value(*found); });
    EXPECT_THAT(NamesOf(page.get_future().get().objects), testing::ElementsAre("/a"));
  }
  ExpectWhole();
}

// A start that was cut off while it migrated is run again: each version is all there or not at all.
TEST_F(SqliteMigrationTest, AMigrationThatFailedIsRunAgain) {
  Fill(*Open());
  MakeEarlier(3);
  {
    auto database = OpenSqlite(path_);
    auto writer = (*database)->OpenWriter();
    ASSERT_TRUE((*writer)->Execute("CREATE TABLE blobs_by_time (x INTEGER) STRICT").ok());
  }
  ASSERT_FALSE(Store::Open(*OpenSqlite(path_)).ok()) << "another thing has the name of an index";
  {
    auto database = OpenSqlite(path_);
    auto writer = (*database)->OpenWriter();
    ASSERT_TRUE((*writer)->Execute("DROP TABLE blobs_by_time").ok());
    EXPECT_FALSE((*writer)->Prepare("SELECT number FROM objects").ok()) << "half of it was left";
  }
  ExpectFilled(*Open());
  ExpectWhole();
}

}  // namespace
}  // namespace grpc_os::store
