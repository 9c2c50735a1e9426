// What `grpc-osd --check` finds in a database.
#include "store/sqlite/sqlite_check.h"

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>
#include <memory>
#include <string>

#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "store/objects_under_test.h"
#include "store/sqlite/sqlite_database.h"
#include "store/store.h"
#include "store/store_under_test.h"

namespace grpc_os::store {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::IsEmpty;

class SqliteCheckTest : public testing::Test {
 protected:
  SqliteCheckTest() {
    std::string pattern = fs::temp_directory_path() / "check.XXXXXX";
    directory_ = mkdtemp(pattern.data());
    path_ = directory_ / "grpc-os.db";
    auto store = Store::Open(*OpenSqlite(path_));
    for (const char* id : {"proc_1", "proc_2"}) {
      core::ProcessWrite write = PutOf(id, id);
      std::promise<void> done;
      (*store)->Commit(write, AskedBy({MakeRecord(id), MakeRecord(id)}, {MakeRequest(id)}),
                       [&](const auto&) { done.set_value(); });
      done.get_future().wait();
    }
    core::IdentityWrite write;
    write.put_users = {MakeUser("anna")};
    write.put_sessions = {MakeSession("s1", 1, 9'000'000'000'000)};
    std::promise<void> done;
    (*store)->CommitIdentity(write, core::Envelope::OfSystem(),
                             [&](const auto&) { done.set_value(); });
    done.get_future().wait();
    PutObjects(**store);
  }
  // A file that a live object and a version have, an expiry, a wished id, a folder, a quota.
  static void PutObjects(Store& store) {
    std::promise<absl::Status> done;
    store.CommitObjects(
        {.apply =
             [](core::ObjectRows& rows, int64_t, core::ObjectWrite::Outcome&) {
               core::Object blob = MakeBlob(1, "/a/blob", 'x');
               blob.id = "obj_wished";
               core::Object expires = MakeObject(2, "/a/expires");
               expires.expire_time_ms = 1 << 20;
               absl::Status status = rows.Insert(blob);
               status.Update(rows.Retire(blob, 1, false));
               status.Update(rows.Insert(expires));
               status.Update(rows.Insert(MakeObject(3, "/a/")));
               status.Update(rows.PutQuota({.prefix = "/a/", .max_objects = 5}).status());
               return status;
             }},
        core::Envelope::OfSystem(),
        [&](const auto& revision) { done.set_value(revision.status()); });
    ASSERT_TRUE(done.get_future().get().ok());
  }
  ~SqliteCheckTest() override { fs::remove_all(directory_); }

  void Damage(const char* sql) {
    auto database = OpenSqlite(path_);
    auto writer = (*database)->OpenWriter();
    ASSERT_TRUE((*writer)->Execute(sql).ok()) << sql;
  }
  std::string Findings() {
    const auto report = CheckSqlite(path_);
    EXPECT_TRUE(report.ok()) << report.status();
    return absl::StrJoin(report->findings, "\n");
  }

  fs::path directory_;
  fs::path path_;
};

TEST_F(SqliteCheckTest, AWholeDatabaseIsFoundWhole) {
  const auto report = CheckSqlite(path_);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_THAT(report->findings, IsEmpty());
  EXPECT_EQ(report->summary,
            "revision 3, 2 processes, 1 users, 0 roles, 0 volumes, 0 revisions, 0 domains, 1 "
            "sessions, 3 objects, 1 versions, 1 files "
            "of contents, 1 quotas, 2 events after revision 0, 4 audit records, 2 requests");
}

TEST_F(SqliteCheckTest, EachThingThatCannotBeIsFound) {
  const std::string whole = [&] {
    std::ifstream file(path_, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  }();
  const struct {
    const char* sql;
    const char* finding;
  } cases[] = {
      {"DELETE FROM store_meta", "the row of store_meta is missing"},
      {"UPDATE store_meta SET schema_version = 99", "newer gRPC OS"},
      {"UPDATE store_meta SET compact_revision = 9", "compact_revision 9 is beyond revision 3"},
      {"UPDATE store_meta SET compact_revision = 1",
       "1 events are of revisions that are no longer"},
      {"UPDATE store_meta SET revision = 1", "1 events are of revisions that are yet to come"},
      {"UPDATE events SET sequence = 1 WHERE revision = 2", "1 revisions lack some"},
      {"UPDATE events SET attributes = x'31' WHERE revision = 2", "event 2.0 is damaged"},
      {"UPDATE processes SET state = 'asleep' WHERE id = 'proc_2'", "asleep"},
      {"UPDATE processes SET revision = 7 WHERE id = 'proc_2'", "proc_2 is of revision 7"},
      {"UPDATE process_specs SET spec = x'01780a' WHERE process_id = 'proc_2'",
       "the stored process proc_2 is damaged: its spec: field 60"},
      {"UPDATE users SET roles = 'x'", "the stored user anna is damaged"},
      {"UPDATE sessions SET roles = 'x'", "the stored session s1 is damaged"},
      {"UPDATE sessions SET user_name = 'nobody'", "session s1 is of the user nobody"},
      {"DELETE FROM audit_records WHERE id = 2", "1 audit records are missing"},
      {"UPDATE objects SET revision = 9 WHERE number = 2", "1 objects are of revisions"},
      {"UPDATE objects SET data = x'31' WHERE number = 2", "1 objects do not have as many bytes"},
      {"UPDATE objects SET folder = 0 WHERE number = 3", "have the name of a folder"},
      {"DELETE FROM object_expiries", "1 objects would never expire"},
      {"UPDATE objects SET expire_time_ms = 5 WHERE number = 2", "1 expiries are of no object"},
      {"DELETE FROM object_ids", "1 objects are not found by their ids"},
      {"INSERT INTO object_ids VALUES ('obj_x', 77)", "1 ids are of no object"},
      {"DELETE FROM blobs", "1 files of contents are not known"},
      {"UPDATE blobs SET refs = 1", "not counted as often as they are used"},
      {"UPDATE blobs SET zero_time_ms = 1", "do not tell since when"},
      {"UPDATE object_quotas SET bytes = 7", "the quota of /a/ counts 2 objects of 7 bytes"},
      {"UPDATE object_quotas SET objects = 1", "there are 2 of 1000130"},
      {"INSERT INTO resources VALUES ('role', 'r', 'r', '', 1, 0, 0, 0, 1, x'ff', x'')",
       "the stored role r is damaged"},
      {"INSERT INTO resources VALUES ('role', 'r', 'r', '', 1, 0, 0, 0, 9, x'01', x'')",
       "the role r is of revision 9"},
      {"INSERT INTO claims VALUES ('host', 'example.org', 'domain', 'd')",
       "1 claims are of no resource"},
      {"DROP INDEX requests_by_time", "the index requests_by_time is missing"},
      {"CREATE TABLE theirs (x)", "the table theirs is not of this program"},
  };
  for (const auto& [sql, finding] : cases) {
    SCOPED_TRACE(sql);
    Damage(sql);
    EXPECT_THAT(Findings(), HasSubstr(finding));
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << whole;
  }
  EXPECT_THAT(Findings(), IsEmpty());
}

TEST_F(SqliteCheckTest, TheTablesOfAnOlderVersionAreNotTakenForDamage) {
  Damage("DROP INDEX requests_by_time");
  Damage("UPDATE store_meta SET schema_version = 5");
  const auto report = CheckSqlite(path_);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_THAT(report->findings, IsEmpty());
  EXPECT_THAT(report->summary, HasSubstr("older version"));
}

TEST_F(SqliteCheckTest, DamagedPagesAreFoundAndNothingIsChanged) {
  std::string bytes;
  {
    std::ifstream file(path_, std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(file), {});
  }
  bytes.replace(size_t{4096} * 3, 4096, std::string(4096, '\x5a'));
  std::ofstream(path_, std::ios::binary | std::ios::trunc) << bytes;
  EXPECT_THAT(Findings(), HasSubstr("integrity"));
  const auto checked = CheckSqlite(path_);
  for (const std::string& finding : checked->findings) {
    EXPECT_EQ(finding.find('\n'), std::string::npos) << "one finding, one line: " << finding;
  }
  std::ifstream file(path_, std::ios::binary);
  EXPECT_TRUE(std::string(std::istreambuf_iterator<char>(file), {}) == bytes);
}

TEST_F(SqliteCheckTest, AnotherPlaceIsSaidToBeNone) {
  EXPECT_EQ(CheckSqlite(directory_ / "none.db").status().code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(fs::exists(directory_ / "none.db"));
}

}  // namespace
}  // namespace grpc_os::store
