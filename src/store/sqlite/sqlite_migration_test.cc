// A file of each earlier schema opens, and loses nothing that was to be kept.
#include <sqlite3.h>
#include <stdlib.h>

#include <filesystem>
#include <future>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/identity/roles.h"
#include "core/resource/resource_codec.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "store/objects_under_test.h"
#include "store/schema.h"
#include "store/sqlite/sqlite_check.h"
#include "store/sqlite/sqlite_database.h"
#include "store/store.h"
#include "store/store_under_test.h"

namespace grpc_os::store {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
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
  static int64_t Commit(Store& store, core::ProcessWrite write,
                        core::Envelope envelope = core::Envelope::OfSystem()) {
    std::promise<int64_t> answer;
    store.Commit(
        std::move(write), std::move(envelope),
        [&](const absl::StatusOr<int64_t>& revision) { answer.set_value(NumberOf(revision)); });
    return answer.get_future().get();
  }
  // A file of `version`: the tables that the migrations up to there make, with the rows of those
  // that are there now, as far as they have columns for them. Processes get the specs of OldSpec.
  void MakeEarlier(int version) {
    const fs::path newer = directory_ / "newer.db";
    fs::rename(path_, newer);
    {
      auto database = OpenSqlite(path_);
      auto writer = (*database)->OpenWriter();
      ASSERT_TRUE(Migrate(**writer, (*database)->dialect(), version).ok());
    }
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open(path_.c_str(), &db), SQLITE_OK);
    const std::unique_ptr<sqlite3, int (*)(sqlite3*)> closed(db, sqlite3_close);
    const auto execute = [db](const std::string& sql) {
      char* error = nullptr;
      EXPECT_EQ(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, &error), SQLITE_OK)
          << sql << ": " << error;
    };
    execute(absl::StrCat("ATTACH '", newer.string(), "' AS newer"));
    std::map<std::string, std::string> tables;  // and the columns that both have
    sqlite3_exec(
        db,
        "SELECT s.name, (SELECT group_concat(o.name, ', ') FROM pragma_table_info(s.name, 'main') "
        "o JOIN pragma_table_info(s.name, 'newer') n ON n.name = o.name) FROM main.sqlite_schema s "
        "JOIN newer.sqlite_schema USING (name, type) WHERE s.type = 'table'",
        [](void* found, int, char** values, char**) {
          static_cast<decltype(tables)*>(found)->emplace(values[0], values[1]);
          return 0;
        },
        &tables, nullptr);
    tables.erase("store_meta");
    for (const auto& [table, columns] : tables) {
      const bool processes = table == "processes";
      execute(absl::StrCat(
          "INSERT INTO main.", table, " (", columns,
          processes ? ", command, working_directory, account, restart_policy, stop_timeout_ms, "
                      "stop_signal, log_max_bytes"
                    : "",
          ") SELECT ", columns,
          processes ? ", 'a b', '/srv', 'www', 'on_failure', 101, 2, 103" : "", " FROM newer.",
          table));
    }
    execute(
        "INSERT INTO process_environments SELECT id, CAST('4:PORT,2:80,5:TOKEN,3:a=b,' AS BLOB) "
        "FROM processes");
    if (version >= 4) execute("INSERT INTO process_secrets SELECT id, '5:TOKEN,' FROM processes");
    execute(
        "UPDATE store_meta SET (revision, compact_revision, boot_id) = "
        "(SELECT revision, compact_revision, boot_id FROM newer.store_meta)");
    fs::remove(newer);
  }
  static core::ProcessSpec OldSpec(int version) {
    return {.command = "a b",
            .environment = {{"PORT", "80"}, {"TOKEN", "a=b"}},
            .working_directory = "/srv",
            .account = "www",
            .restart = core::RestartPolicy::kOnFailure,
            .stop_timeout_ms = 101,
            .stop_signal = 2,
            .log_max_bytes = 103,
            .secrets = version < 4 ? std::set<std::string>() : std::set<std::string>{"TOKEN"},
            .ready = {},
            .liveness = {},
            .volumes = {},
            .depends_on = {},
            .release = {},
            .labels = {},
            .version = {},
            .domains = {},
            .bundle = {}};
  }
  // Each thing that the daemon keeps beside objects, in revisions 1 and 2.
  static void Fill(Store& store) {
    core::ProcessWrite process = PutOf("proc_1", "one");
    ASSERT_EQ(Commit(store, process,
                     AskedBy({MakeRecord("proc_1", 5)}, {MakeRequest("r1", 9'000'000'000'000)})),
              1);
    core::IdentityWrite identity;
    identity.put_users = {MakeUser("anna")};
    identity.put_sessions = {MakeSession("s1", 1, 9'000'000'000'000)};
    identity.events = {MakeEvent("anna", "created")};
    std::promise<int64_t> answer;
    store.CommitIdentity(identity, core::Envelope::OfSystem(),
                         [&](const auto& done) { answer.set_value(NumberOf(done)); });
    ASSERT_EQ(answer.get_future().get(), 2);
    ASSERT_TRUE(SaveBootId(store, "boot").ok());
  }
  static void ExpectFilled(Store& store, int version, size_t roles = 0) {
    core::Process process = MakeProcess("proc_1", "one");
    process.spec = OldSpec(version);
    process.revision = 1;
    EXPECT_THAT(*store.LoadProcesses(), ElementsAre(process));
    EXPECT_THAT(*store.LoadUsers(), SizeIs(1));
    EXPECT_THAT(*store.LoadSessions(0), SizeIs(1));
    EXPECT_THAT(*store.LoadResources("role"), SizeIs(roles));
    EXPECT_EQ(*store.LoadBootId(), "boot");
    EXPECT_THAT(*AuditOf(store, {}), SizeIs(1));
    std::promise<bool> known;
    store.FindRequest(MakeRequest("r1").key, [&](const auto& found) {
      known.set_value(found.ok() && found->has_value());
    });
    EXPECT_TRUE(known.get_future().get());
    std::promise<size_t> events;
    store.ReadEvents({}, 0, 2, [&](const auto& found) { events.set_value(found->size()); });
    EXPECT_EQ(events.get_future().get(), 2u);
  }
  static int64_t PutObject(Store& store, const core::Object& object) {
    std::promise<int64_t> answer;
    store.CommitObjects({.apply = [&](core::ObjectRows& rows, int64_t,
                                      core::ObjectWrite::Outcome&) { return rows.Insert(object); }},
                        core::Envelope::OfSystem(),
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

  fs::path directory_;
  fs::path path_;
};

TEST_F(SqliteMigrationTest, Version1KeepsAllButItsShortSessions) {
  Fill(*Open());
  MakeEarlier(1);
  for (int i = 0; i < 2; ++i) {  // migrated, and opened once more
    const auto store = Open();
    EXPECT_THAT(*store->LoadProcesses(), SizeIs(1));
    EXPECT_EQ(store->NewestRevision(), 2 + i);
    EXPECT_EQ(*store->LoadBootId(), "boot");
    EXPECT_THAT(*store->LoadUsers(), IsEmpty());
    EXPECT_THAT(*store->LoadSessions(0), SizeIs(i));
    core::IdentityWrite write;
    write.put_users = {MakeUser("anna")};
    write.put_sessions = {MakeSession("s2", 1, 9'000'000'000'000)};
    write.events = {MakeEvent("anna", "created")};
    std::promise<int64_t> answer;
    store->CommitIdentity(
        write, AskedBy({MakeRecord("anna")}, {MakeRequest("r1")}),
        [&](const absl::StatusOr<int64_t>& revision) { answer.set_value(NumberOf(revision)); });
    EXPECT_EQ(answer.get_future().get(), 3 + i);
    write = {};
    write.remove_users = {"anna"};
    std::promise<void> removed;
    store->CommitIdentity(write, core::Envelope::OfSystem(),
                          [&](const absl::StatusOr<int64_t>&) { removed.set_value(); });
    removed.get_future().wait();
    EXPECT_EQ(CountObjects(*store), 0u);
  }
  ExpectWhole();
}

TEST_F(SqliteMigrationTest, LaterVersionsKeepEverything) {
  for (const int version : {2, 3, 4, 5}) {
    SCOPED_TRACE(version);
    fs::remove_all(directory_);
    fs::create_directory(directory_);
    Fill(*Open());
    MakeEarlier(version);
    for (int i = 0; i < 2; ++i) {  // migrated, and opened once more
      const auto store = Open();
      ExpectFilled(*store, version);
      EXPECT_EQ(store->NewestRevision(), 2 + i);
      EXPECT_EQ(CountObjects(*store), static_cast<size_t>(i));
      EXPECT_EQ(PutObject(*store, MakeBlob(i + 1, absl::StrCat("/", i), 'x')), 3 + i);
    }
    ExpectWhole();
  }
}

TEST_F(SqliteMigrationTest, TheRolesOfVersion5BecomeResources) {
  Fill(*Open());
  MakeEarlier(5);
  {
    auto database = OpenSqlite(path_);
    auto writer = (*database)->OpenWriter();
    for (const char* sql :
         {"INSERT INTO roles VALUES ('reader', 'reads', "
          "'5:allow,11:object.read,8:/config/,4:deny,10:audit.read,0:,', 7, 100, 200)",
          "INSERT INTO roles VALUES ('empty', '', '', 1, 3, 4)"})
      ASSERT_TRUE((*writer)->Execute(sql).ok()) << sql;
  }
  for (int i = 0; i < 2; ++i) {  // migrated, and opened once more
    const auto store = Open();
    ExpectFilled(*store, 5, /*roles=*/2);
    const auto roles = *store->LoadResources("role");
    ASSERT_THAT(roles, SizeIs(2));
    const auto reader = Must(core::DecodeResource<core::Role>(roles[1]));
    EXPECT_EQ(reader.id, "reader");
    EXPECT_EQ(reader.name, "reader");
    EXPECT_EQ(reader.generation, 7);
    EXPECT_EQ(reader.create_time_ms, 100);
    EXPECT_EQ(reader.update_time_ms, 200);
    EXPECT_EQ(reader.spec,
              (core::RoleSpec{.description = "reads",
                              .rules = {{core::Effect::kAllow, "object.read", "/config/"},
                                        {core::Effect::kDeny, "audit.read", ""}}}));
    EXPECT_EQ(Must(core::DecodeResource<core::Role>(roles[0])).spec, core::RoleSpec());
  }
  ExpectWhole();
}

// A rule that is not understood may be one that denies: nothing is moved then.
TEST_F(SqliteMigrationTest, ADamagedRoleOfVersion5StopsTheMigration) {
  { const auto store = Open(); }
  MakeEarlier(5);
  {
    auto database = OpenSqlite(path_);
    auto writer = (*database)->OpenWriter();
    for (const char* sql : {"INSERT INTO roles VALUES ('reader', '', '5:forbi,', 1, 1, 1)"})
      ASSERT_TRUE((*writer)->Execute(sql).ok()) << sql;
  }
  const auto store = Store::Open(*OpenSqlite(path_));
  ASSERT_FALSE(store.ok());
  EXPECT_THAT(std::string(store.status().message()), testing::HasSubstr("role reader is damaged"));
}

TEST_F(SqliteMigrationTest, WhatWasDeletedUnderVersion4IsListed) {
  {
    const auto store = Open();
    Fill(*store);
    EXPECT_EQ(PutObject(*store, MakeObject(1, "/a")), 3);
    std::promise<int64_t> deleted;
    store->CommitObjects(
        {.apply =
             [](core::ObjectRows& rows, int64_t, core::ObjectWrite::Outcome&) {
               if (auto status = rows.Retire(MakeObject(1, "/a"), 50, true); !status.ok())
                 return status;
               return rows.Remove(MakeObject(1, "/a"));
             }},
        core::Envelope::OfSystem(), [&](const auto& done) { deleted.set_value(NumberOf(done)); });
    EXPECT_EQ(deleted.get_future().get(), 4);
  }
  MakeEarlier(4);
  for (int i = 0; i < 2; ++i) {  // migrated, and opened once more
    const auto store = Open();
    EXPECT_EQ(CountObjects(*store), 0u);
    std::promise<core::ObjectPage> page;
    store->ListObjects({.prefix = "/", .deleted = true},
                       [&](const auto& found) { page.set_value(*found); });
    EXPECT_THAT(NamesOf(page.get_future().get().objects), ElementsAre("/a"));
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
  ExpectFilled(*Open(), 3);
  ExpectWhole();
}

TEST_F(SqliteMigrationTest, AProcessThatCannotBeConvertedIsNamedAndNothingIsChanged) {
  Fill(*Open());
  MakeEarlier(5);
  const struct {
    const char* damage;
    const char* words;
    const char* repair;
  } cases[] = {
      {"UPDATE processes SET restart_policy = 'weekly'", "weekly",
       "UPDATE processes SET restart_policy = 'on_failure'"},
      {"UPDATE process_secrets SET names = 'x'", "netstrings",
       "UPDATE process_secrets SET names = '5:TOKEN,'"},
      {"UPDATE process_environments SET process_id = 'proc_2'", "its environment is missing",
       "UPDATE process_environments SET process_id = 'proc_1'"},
  };
  const auto execute = [this](const char* sql) {
    auto writer = (*OpenSqlite(path_))->OpenWriter();
    ASSERT_TRUE((*writer)->Execute("PRAGMA foreign_keys = OFF").ok());
    ASSERT_TRUE((*writer)->Execute(sql).ok()) << sql;
  };
  for (const auto& [damage, words, repair] : cases) {
    execute(damage);
    const auto store = Store::Open(*OpenSqlite(path_));
    EXPECT_EQ(store.status().code(), absl::StatusCode::kDataLoss);
    EXPECT_THAT(std::string(store.status().message()),
                AllOf(HasSubstr("proc_1"), HasSubstr(words)));
    execute(repair);
  }
  ExpectFilled(*Open(), 5);
  ExpectWhole();
}

}  // namespace
}  // namespace grpc_os::store
