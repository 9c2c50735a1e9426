// A page of a list costs what is on it, however many objects there are: counted in steps of
// SQLite's machine, not in time. GRPC_OS_OBJECTS=N: so many instead of 100,000.
#include <sqlite3.h>
#include <stdlib.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "store/object_reads.h"
#include "store/schema.h"
#include "store/sqlite/sqlite_database.h"
#include "store/store_under_test.h"

namespace grpc_os::store {
namespace {

namespace fs = std::filesystem;

sqlite3* newest_connection = nullptr;
int Remember(sqlite3* db, char**, const void*) {
  newest_connection = db;
  return SQLITE_OK;
}

// A database of objects, `each` of them in each of its folders "/deep/0000000/", and as many again
// in "/flat/".
class ObjectsOnDisk {
 public:
  ObjectsOnDisk(int64_t count, int64_t each) : count_(count) {
    std::string pattern = fs::temp_directory_path() / "pages.XXXXXX";
    directory_ = mkdtemp(pattern.data());
    database_ = Must(OpenSqlite(directory_ / "grpc-os.db"));
    writer_ = Must(database_->OpenWriter());
    const auto migrated = Migrate(*writer_, database_->dialect());
    EXPECT_TRUE(migrated.ok()) << migrated;
    Seed("1", absl::StrCat("printf('/deep/%07d/%09d', i / ", each, ", i)"), 0);
    Seed("2", "printf('/flat/%09d', i)", count);
    sqlite3_auto_extension(reinterpret_cast<void (*)()>(Remember));
    reader_ = Must(database_->OpenReader());
    sqlite3_cancel_auto_extension(reinterpret_cast<void (*)()>(Remember));
    db_ = newest_connection;
  }
  ~ObjectsOnDisk() {
    reader_.reset();
    writer_.reset();
    fs::remove_all(directory_);
  }

  // `count` names that were deleted in folders "/gone/0000000/", with three replaced versions each;
  // as many in "/kept/" that were only replaced, and in "/flat/" that are live again.
  void SeedVersions(int64_t each) {
    const std::string number = absl::StrCat("i + 1 + ", 2 * count_);
    Version(number, absl::StrCat("printf('/gone/%07d/%09d', i / ", each, ", i)"), 4, 1);
    for (int generation = 1; generation <= 3; ++generation) {
      Version(number, absl::StrCat("printf('/gone/%07d/%09d', i / ", each, ", i)"), generation, 0);
      Version(absl::StrCat("i + 1 + ", 3 * count_), "printf('/kept/%09d', i)", generation, 0);
    }
    Version(absl::StrCat("i + 1 + ", 4 * count_), "printf('/flat/%09d', i)", 1, 1);
  }

  int64_t Steps(const std::function<void(Connection&)>& work) {
    CountSteps();
    work(*reader_);
    return CountSteps();
  }
  struct Walk {
    int64_t rows = 0;
    int64_t pages = 0;
    int64_t most_steps = 0;  // of a page
    double most_ms = 0;
  };
  // All pages, or those at the beginning, in the middle and at the end of very many.
  Walk List(core::ObjectQuery query) {
    Walk walk;
    for (;;) {
      core::ObjectPage page;
      const auto begin = std::chrono::steady_clock::now();
      const int64_t steps =
          Steps([&](Connection& reader) { page = Must(ReadObjects(reader, query)); });
      const std::chrono::duration<double, std::milli> took =
          std::chrono::steady_clock::now() - begin;
      walk.rows += static_cast<int64_t>(page.objects.size());
      walk.most_steps = std::max(walk.most_steps, steps);
      walk.most_ms = std::max(walk.most_ms, took.count());
      ++walk.pages;
      if (!page.more) return walk;
      query.after = page.next_after.empty() ? page.objects.back().name : page.next_after;
    }
  }
  int64_t count() const { return count_; }

 private:
  void Seed(const char* kind, const std::string& name, int64_t first) {
    constexpr int64_t kAtOnce = 100'000;
    for (int64_t from = 0; from < count_; from += kAtOnce) {
      const int64_t upto = std::min(count_, from + kAtOnce);
      const auto status = writer_->Execute(absl::StrCat(
          "INSERT INTO objects WITH RECURSIVE n(i) AS (SELECT ", from,
          " UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ", upto, ") SELECT i + 1 + ", first,
          ", NULL, ", name, ", 0, ", kind, ", 1, 1, 1, 3, zeroblob(32), 0, 'text/plain', x'', ",
          "'admin', 1, 1, 0, 0, x'616263' FROM n"));
      ASSERT_TRUE(status.ok()) << status;
    }
  }
  void Version(const std::string& number, const std::string& name, int generation, int deleted) {
    const auto status = writer_->Execute(absl::StrCat(
        "INSERT INTO object_versions WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 "
        "FROM n WHERE i + 1 < ",
        count_, ") SELECT ", number, ", NULL, ", name, ", 0, ", generation,
        ", 1, 1, 1, 3, zeroblob(32), 0, 'text/plain', x'', 'admin', 1, 1, 0, 0, ", generation, ", ",
        deleted, ", x'616263' FROM n"));
    ASSERT_TRUE(status.ok()) << status;
  }
  int64_t CountSteps() {
    int64_t steps = 0;
    for (sqlite3_stmt* one = sqlite3_next_stmt(db_, nullptr); one != nullptr;
         one = sqlite3_next_stmt(db_, one))
      steps += sqlite3_stmt_status(one, SQLITE_STMTSTATUS_VM_STEP, 1);
    return steps;
  }

  const int64_t count_;
  fs::path directory_;
  std::unique_ptr<Database> database_;
  std::unique_ptr<Connection> writer_;
  std::unique_ptr<Connection> reader_;
  sqlite3* db_ = nullptr;
};

int64_t ManyObjects() {
  int64_t count = 100'000;
  if (const char* given = getenv("GRPC_OS_OBJECTS"); given != nullptr) {
    EXPECT_TRUE(absl::SimpleAtoi(given, &count));
  }
  return count;
}

TEST(SqliteObjectPages, CostWhatIsOnThem) {
  constexpr int64_t kEach = 500;
  constexpr int kPage = 100;
  ObjectsOnDisk few(1000, kEach);
  ObjectsOnDisk many(ManyObjects(), kEach);
  const struct {
    const char* what;
    core::ObjectQuery query;
    int64_t rows;  // in the list of so many objects
  } cases[] = {
      {"all", {.prefix = "/", .limit = kPage}, 2 * many.count()},
      {"a folder of very many",
       {.prefix = "/flat/", .recursive = false, .limit = kPage},
       many.count()},
      {"folders that hold many each",
       {.prefix = "/deep/", .recursive = false, .limit = kPage},
       many.count() / kEach},
      {"the root", {.prefix = "/", .recursive = false, .limit = kPage}, 2},
      {"one folder of many",
       {.prefix = "/deep/0000001/", .recursive = false, .limit = kPage},
       kEach},
  };
  for (const auto& [what, query, rows] : cases) {
    SCOPED_TRACE(what);
    const auto of_few = few.List(query);
    const auto of_many = many.List(query);
    printf(
        "%s: a page takes at most %lld steps and %.2f ms of %lld objects, %lld and %.2f of %lld\n",
        what, static_cast<long long>(of_few.most_steps), of_few.most_ms,
        static_cast<long long>(2 * few.count()), static_cast<long long>(of_many.most_steps),
        of_many.most_ms, static_cast<long long>(2 * many.count()));
    EXPECT_EQ(of_many.rows, rows);
    EXPECT_EQ(of_many.pages, std::max<int64_t>(1, (rows + kPage - 1) / kPage));
    // A page of folders of few is not full.
    const int64_t few_rows = std::min<int64_t>(of_few.rows, kPage);
    const int64_t many_rows = std::min<int64_t>(rows, kPage);
    EXPECT_LE(of_many.most_steps / (many_rows + 1), of_few.most_steps * 3 / 2 / few_rows + 1);
  }
}

TEST(SqliteObjectPages, SoDoThoseOfWhatWasDeleted) {
  constexpr int64_t kEach = 500;
  ObjectsOnDisk few(1000, kEach);
  ObjectsOnDisk many(20'000, kEach);
  few.SeedVersions(kEach);
  many.SeedVersions(kEach);
  const struct {
    const char* what;
    core::ObjectQuery query;
    int64_t rows;
  } cases[] = {
      {"all", {.prefix = "/gone/", .limit = 100}, many.count()},
      {"folders that hold many each",
       {.prefix = "/gone/", .recursive = false, .limit = 1},
       many.count() / kEach},
      {"what was only replaced", {.prefix = "/kept/", .limit = 100}, 0},
      {"what is live again", {.prefix = "/flat/", .limit = 100, .most_looks = 200}, 0},
  };
  for (auto [what, query, rows] : cases) {
    SCOPED_TRACE(what);
    query.deleted = true;
    const auto of_few = few.List(query);
    const auto of_many = many.List(query);
    EXPECT_EQ(of_many.rows, rows);
    EXPECT_LE(of_many.most_steps, of_few.most_steps * 11 / 10);
  }
}

TEST(SqliteObjectPages, SoDoReadsOfOne) {
  ObjectsOnDisk few(1000, 500);
  ObjectsOnDisk many(20'000, 500);
  for (const std::string name : {"/flat/000000777", "/flat/none", "obj_none"}) {
    const auto read = [&](Connection& reader) {
      Must(ReadObject(reader, {.name_or_id = name, .generation = 0, .data = true}));
    };
    const auto versions = [&](Connection& reader) { Must(ReadVersions(reader, name, {}, 10)); };
    EXPECT_EQ(many.Steps(read), few.Steps(read)) << name;
    EXPECT_EQ(many.Steps(versions), few.Steps(versions)) << name;
  }
}

}  // namespace
}  // namespace grpc_os::store
