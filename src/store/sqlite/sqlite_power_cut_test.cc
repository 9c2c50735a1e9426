// What was acknowledged survives a power cut: a sync lies before each acknowledgement, and on a
// disk that drops, tears and reorders everything that was not synced nothing acknowledged is lost
// and nothing is half there. GRPC_OS_LONG=1: many more cuts. GRPC_OS_SEED=N: that one alone.
#include <sqlite3.h>
#include <stdlib.h>

#include <atomic>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "store/check.h"
#include "store/objects_under_test.h"
#include "store/sqlite/disk_harness.h"
#include "store/sqlite/sqlite_database.h"
#include "store/sqlite/tuned_database_harness.h"
#include "store/store.h"
#include "store/store_under_test.h"
#include "testing/memory_object_store.h"

namespace grpc_os::store {
namespace {

namespace fs = std::filesystem;

class Directory {
 public:
  Directory() {
    // In memory if there is such a place: the disk that counts is the harness.
    const fs::path parent = fs::exists("/dev/shm") ? "/dev/shm" : fs::temp_directory_path();
    std::string pattern = parent / "power-cut.XXXXXX";
    path_ = mkdtemp(pattern.data());
  }
  ~Directory() { fs::remove_all(path_); }
  const fs::path& path() const { return path_; }
  fs::path database() const { return path_ / "grpc-os.db"; }

 private:
  fs::path path_;
};

absl::StatusOr<std::unique_ptr<Store>> OpenStore(const fs::path& path,
                                                 const std::vector<std::string>& pragmas = {}) {
  auto database = OpenSqlite(path);
  if (!database.ok()) return database.status();
  StoreOptions options;
  options.kept.revisions = 60;  // so that it is compacted, too
  options.kept.check_operations = 20;
  options.now_ms = [] { return int64_t{1700}; };
  return Store::Open(std::make_unique<TunedDatabase>(*std::move(database), pragmas), options);
}

// Each write leaves an event, an audit record and a request, all named after its number; most are
// of a process, each third of objects.
bool IsOfObjects(int number) { return number % 3 == 1; }

core::ProcessWrite WriteOf(int number, size_t bytes) {
  core::ProcessWrite write =
      PutOf(absl::StrCat("proc_", number % 7), absl::StrCat("n", number % 7));
  write.put[0].generation = number;
  write.put[0].spec.command = absl::StrCat(number);
  write.put[0].spec.environment["FILL"] = std::string(bytes, static_cast<char>('a' + number % 26));
  write.events[0].action = absl::StrCat(number);
  return write;
}
core::Envelope EnvelopeOf(int number) {
  return AskedBy({MakeRecord(absl::StrCat(number))}, {MakeRequest(absl::StrCat(number))});
}

// One object is made, replaced or deleted, a folder renamed, or several are in one transaction;
// each depends on nothing but its number and what was there.
class ObjectChangeOf {
 public:
  explicit ObjectChangeOf(int number) : number_(number), random_(static_cast<uint64_t>(number)) {}

  absl::Status operator()(core::ObjectRows& rows, int64_t revision) {
    const auto in_first = rows.AnyBelow("/o/");
    if (!in_first.ok()) return in_first.status();
    const std::string folder = *in_first ? "/o/" : "/p/";
    const int kind = static_cast<int>(random_() % 8);
    if (kind == 0) return Rename(rows, folder, *in_first ? "/p/" : "/o/", revision);
    const int count = kind == 1 ? 4 : 1;
    for (int i = 0; i < count; ++i) {
      const std::string name = absl::StrCat(folder, (number_ + i) % 9);
      if (auto status = One(rows, name, revision, i, kind >= 6); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

 private:
  absl::Status Rename(core::ObjectRows& rows, const std::string& from, const std::string& to,
                      int64_t revision) const {
    const auto moved = rows.List(from, "", 1000);
    if (!moved.ok()) return moved.status();
    std::vector<core::QuotaDelta> deltas;
    for (const core::Object& one : *moved) {
      deltas.push_back({from, -1, -one.size_bytes});
      deltas.push_back({to, 1, one.size_bytes});
    }
    if (auto status = rows.Charge(deltas); !status.ok()) return status;
    return rows.Rename(from, to, revision, number_).status();
  }

  absl::Status One(core::ObjectRows& rows, const std::string& name, int64_t revision, int index,
                   bool deletes) {
    const auto live = rows.FindByName(name);
    if (!live.ok()) return live.status();
    const bool there = live->has_value();
    if (there) {
      const int sign = deletes ? -1 : 0;
      core::Object next = Next(name, revision, index);
      const core::QuotaDelta delta{name, sign,
                                   (deletes ? 0 : next.size_bytes) - (*live)->size_bytes};
      if (auto status = rows.Charge({delta}); !status.ok()) return status;
      if (auto status = rows.Retire(**live, number_, deletes); !status.ok()) return status;
      if (deletes) return rows.Remove(**live);
      next.number = (*live)->number;
      next.id = (*live)->id;
      return rows.Update(next, core::ObjectRows::Content::kReplaced);
    }
    const core::Object made = Next(name, revision, index);
    if (auto status = rows.Charge({{name, 1, made.size_bytes}}); !status.ok()) return status;
    return rows.Insert(made);
  }

  core::Object Next(const std::string& name, int64_t revision, int index) {
    const int64_t number = revision << 16 | index;
    const char letter = static_cast<char>('a' + random_() % 5);
    core::Object object =
        random_() % 3 == 0 ? MakeBlob(number, name, letter) : MakeObject(number, name);
    if (!object.blob) {
      object.data = std::string(random_() % 4 == 0 ? random_() % 40'000 : random_() % 100, letter);
      object.size_bytes = static_cast<int64_t>(object.data.size());
    }
    if (random_() % 4 == 0) object.expire_time_ms = revision;
    if (random_() % 4 == 0) object.id = absl::StrCat("obj_w", revision, "x", index);
    object.generation = object.create_revision = object.revision = revision;
    return object;
  }

  const int number_;
  std::mt19937_64 random_;
};

core::ObjectWrite ObjectWriteOf(int number) {
  return {
      .apply =
          [number](core::ObjectRows& rows, int64_t revision, core::ObjectWrite::Outcome& outcome) {
            if (number == 1) {
              const auto put = rows.PutQuota({.prefix = "/o/", .max_objects = 1000});
              if (!put.ok()) return put.status();
            }
            if (auto status = ObjectChangeOf(number)(rows, revision); !status.ok()) return status;
            outcome.events = WriteOf(number, 0).events;
            outcome.subject = MakeRequest(absl::StrCat(number)).subject;
            return absl::OkStatus();
          },
      .refuses_clean = true};
}

// ---- Each acknowledgement comes after a sync ---------------------------------------------------

// How many of some acknowledgements came while the log held something unsynced.
int AcknowledgedTooEarly(const std::vector<std::string>& pragmas) {
  const Directory directory;
  Disk disk;
  auto store = OpenStore(directory.database(), pragmas);
  EXPECT_TRUE(store.ok()) << store.status();
  std::atomic<int> early{0};
  std::atomic<int> acknowledged{0};
  std::vector<std::future<void>> answers;
  const int before = disk.WritesTo("-wal");
  for (int i = 0; i < 200; ++i) {
    auto promise = std::make_shared<std::promise<void>>();
    answers.push_back(promise->get_future());
    (*store)->Commit(WriteOf(i, i % 5 == 0 ? 30'000 : 10), EnvelopeOf(i),
                     [&, promise](const auto& revision) {
                       EXPECT_TRUE(revision.ok()) << revision.status();
                       ++acknowledged;
                       if (disk.Unsynced("-wal")) ++early;
                       promise->set_value();
                     });
    if (i % 10 == 9) answers.back().wait();  // groups of several sizes
  }
  for (auto& answer : answers) answer.wait();
  EXPECT_EQ(acknowledged, 200);
  EXPECT_GT(disk.WritesTo("-wal"), before) << "the log was not watched";
  store->reset();
  return early;
}

TEST(SqliteSyncTest, ASyncOfTheLogLiesBeforeEachAcknowledgement) {
  EXPECT_EQ(AcknowledgedTooEarly({}), 0);
  EXPECT_EQ(AcknowledgedTooEarly({"PRAGMA wal_autocheckpoint = 5"}), 0);
}

TEST(SqliteSyncTest, WithoutFullSynchronyItIsSeenToBeMissing) {
  EXPECT_GT(AcknowledgedTooEarly({"PRAGMA synchronous = NORMAL"}), 0);
  EXPECT_GT(AcknowledgedTooEarly({"PRAGMA synchronous = OFF"}), 0);
}

// ---- The power is cut --------------------------------------------------------------------------

struct Cut {
  std::set<int> acknowledged;
  int submitted = 0;
};

// Writes until the power goes off somewhere, or all is written; several times opened and closed.
Cut WriteUntilCut(Disk& disk, const fs::path& path, uint64_t seed,
                  const std::vector<std::string>& mutation) {
  std::mt19937_64 random(seed);
  std::vector<std::string> pragmas = {
      absl::StrCat("PRAGMA wal_autocheckpoint = ", 2 + random() % 60)};
  pragmas.insert(pragmas.end(), mutation.begin(), mutation.end());
  disk.CutAfter(1 + static_cast<int>(random() % 250), random());
  Cut cut;
  std::mutex mutex;
  for (int session = 0; session < 3 && !disk.cut(); ++session) {
    auto store = OpenStore(path, pragmas);
    if (!store.ok()) break;  // the cut came while it was opened
    const int writes = 10 + static_cast<int>(random() % 40);
    for (int i = 0; i < writes; ++i) {
      const int number = cut.submitted++;
      const auto answer = std::make_shared<std::promise<void>>();
      const auto done = [&, number, answer](const absl::StatusOr<int64_t>& revision) {
        {
          const std::lock_guard lock(mutex);
          if (revision.ok()) cut.acknowledged.insert(number);
        }
        answer->set_value();
      };
      const size_t bytes = random() % 4 == 0 ? random() % 60'000 : random() % 100;
      if (IsOfObjects(number)) {
        (*store)->CommitObjects(ObjectWriteOf(number), EnvelopeOf(number), done);
      } else {
        (*store)->Commit(WriteOf(number, bytes), EnvelopeOf(number), done);
      }
      if (random() % 3 == 0) answer->get_future().wait();
    }
    store->reset();
  }
  if (!disk.cut()) disk.CutNow(random());
  return cut;
}

std::string IntegrityOf(const fs::path& path) {
  sqlite3* db = nullptr;
  std::string text;
  sqlite3_open_v2(path.c_str(), &db, SQLITE_OPEN_READWRITE, nullptr);
  const int code = sqlite3_exec(
      db, "PRAGMA integrity_check",
      [](void* out, int, char** row, char**) {
        absl::StrAppend(static_cast<std::string*>(out), row[0], "\n");
        return 0;
      },
      &text, nullptr);
  if (code != SQLITE_OK) absl::StrAppend(&text, sqlite3_errmsg(db));
  sqlite3_close(db);
  return text;
}

template <typename Result>
Result Wait(const std::function<void(std::function<void(Result)>)>& ask) {
  std::promise<Result> promise;
  ask([&](Result result) { promise.set_value(std::move(result)); });
  return promise.get_future().get();
}

// What there is of objects, in words.
std::string ObjectsIn(ObjectWords& words) {
  std::string all;
  for (const core::Object& object : words.List({.prefix = "/", .limit = 1000}).objects) {
    absl::StrAppend(&all, object.name, " ", object.id, " ", object.generation, " ", object.revision,
                    " ", object.size_bytes, " ", object.expire_time_ms, " ",
                    object.blob ? object.sha256 : words.Find(object.name)->data.substr(0, 9), "\n");
  }
  for (const char* folder : {"/o/", "/p/"}) {
    for (int i = 0; i < 9; ++i) {
      for (const core::Object& one : words.VersionPage(absl::StrCat(folder, i), {}, 1000).objects) {
        absl::StrAppend(&all, folder, i, " was ", one.id, " ", one.generation, " ",
                        one.retire_time_ms, one.deleted ? " deleted" : "", "\n");
      }
    }
  }
  const auto quotas = Wait<absl::StatusOr<std::vector<core::Quota>>>(
      [&](auto done) { words.Objects().ListQuotas({}, done); });
  for (const core::Quota& quota : Must(quotas))
    absl::StrAppend(&all, quota.prefix, " ", quota.objects, " ", quota.bytes, "\n");
  return all;
}

class WordsOf final : public ObjectWords {
 public:
  explicit WordsOf(core::ObjectStore& store) : store_(store) {}
  core::ObjectStore& Objects() override { return store_; }

 private:
  core::ObjectStore& store_;
};

// What the first writes make of the objects.
std::string ObjectsAfter(int stored) {
  grpc_os::testing::MemoryObjectStore model;
  for (int number = 0; number < stored; ++number) {
    if (!IsOfObjects(number)) continue;
    model.revision = number;  // those between were of processes
    model.CommitObjects(ObjectWriteOf(number), EnvelopeOf(number),
                        [](const auto& done) { Must(done); });
  }
  WordsOf words(model);
  return ObjectsIn(words);
}

// What is wrong with what a cut left: nothing, if all is well.
std::vector<std::string> Wrongs(const fs::path& path, const Cut& cut) {
  std::vector<std::string> wrongs;
  const auto check = [&](bool right, const auto&... words) {
    if (!right) wrongs.push_back(absl::StrCat(words...));
  };
  if (!fs::exists(path)) return {"the database is gone"};
  // First of all: what is left is never taken for damaged.
  auto store = OpenStore(path);
  if (!store.ok()) return {store.status().ToString()};

  std::set<int> audited;
  using Page = absl::StatusOr<core::AuditPage>;
  const auto page = Wait<Page>([&](auto done) { (*store)->ReadAudit({.limit = 100'000}, done); });
  if (!page.ok()) return {page.status().ToString()};
  check(!page->next, "more than a page of audit records");
  for (const auto& record : page->records) audited.insert(std::stoi(record.resource));
  for (const int number : cut.acknowledged) {
    check(audited.contains(number), "acknowledged and lost: ", number);
  }
  // What came later was tried later: no hole.
  const int stored = static_cast<int>(audited.size());
  check(stored == 0 || *audited.rbegin() == stored - 1, "a hole before ", stored);
  check((*store)->NewestRevision() == stored, "revision ", (*store)->NewestRevision(), " of ",
        stored);

  using Events = absl::StatusOr<std::vector<core::Event>>;
  const int64_t oldest = (*store)->OldestRevision();
  const auto events =
      Wait<Events>([&](auto done) { (*store)->ReadEvents({}, oldest, 100'000, done); });
  if (!events.ok()) return {events.status().ToString()};
  check(static_cast<int64_t>(events->size()) == stored - oldest, "events: ", events->size());
  for (const auto& event : *events) {
    check(event.action == absl::StrCat(event.revision - 1), "event ", event.revision, " is of ",
          event.action);
  }
  for (int number = 0; number < cut.submitted; ++number) {
    using Found = absl::StatusOr<std::optional<core::CommittedRequest>>;
    const auto found = Wait<Found>(
        [&](auto done) { (*store)->FindRequest(MakeRequest(absl::StrCat(number)).key, done); });
    check(found.ok() && found->has_value() == (number < stored), "request ", number);
  }
  const auto processes = (*store)->LoadProcesses();
  if (!processes.ok()) return {processes.status().ToString()};
  std::map<std::string, int> last;  // write of each process
  for (int number = 0; number < stored; ++number) {
    if (!IsOfObjects(number)) last[absl::StrCat("proc_", number % 7)] = number;
  }
  check(processes->size() == last.size(), "processes");
  for (const auto& process : *processes) {
    const int number = std::stoi(process.spec.command);
    check(process.revision == number + 1 && number == last[process.id], process.id, " is of ",
          number);
    const std::string& fill = process.spec.environment.at("FILL");
    check(fill.find_first_not_of(static_cast<char>('a' + number % 26)) == std::string::npos,
          process.id, " has another's environment");
  }
  WordsOf words(**store);
  const std::string objects = ObjectsIn(words);
  const std::string expected = ObjectsAfter(stored);
  check(objects == expected, "objects after ", stored, ":\n", objects, "and not:\n", expected);
  store->reset();
  const std::string integrity = IntegrityOf(path);
  check(integrity == "ok\n", integrity);
  const auto database = Must(OpenSqlite(path));
  const auto report = CheckContent(*Must(database->OpenReader()), database->dialect());
  check(report.ok() && report->findings.empty(),
        report.ok() ? absl::StrJoin(report->findings, "; ") : report.status().ToString());
  return wrongs;
}

// A database without a write, made before the time that is told of (that a file appears whole is
// another test).
const fs::path& Template() {
  static const Directory directory;
  static const bool made = OpenStore(directory.database()).ok();
  EXPECT_TRUE(made);
  static const fs::path path = directory.database();
  return path;
}

struct Seen {
  int acknowledged = 0;
  int lost_some = 0;
  std::string first;  // what was wrong first
};

Seen CutMany(int first_seed, int count, const std::vector<std::string>& mutation = {},
             const std::string& ignored = "") {
  Seen seen;
  for (int seed = first_seed; seed < first_seed + count; ++seed) {
    const Directory before;
    const Directory after;
    Cut cut;
    {
      fs::copy_file(Template(), before.database());
      Disk disk;
      if (!ignored.empty()) disk.IgnoreSyncsOf(ignored);
      cut = WriteUntilCut(disk, before.database(), static_cast<uint64_t>(seed), mutation);
      disk.WriteSurvivors(after.path());
    }
    seen.acknowledged += static_cast<int>(cut.acknowledged.size());
    std::vector<std::string> wrongs;
    try {
      wrongs = Wrongs(after.database(), cut);
    } catch (const std::exception& unreadable) {
      wrongs = {unreadable.what()};
    }
    if (wrongs.empty()) continue;
    ++seen.lost_some;
    if (seen.first.empty()) {
      seen.first = absl::StrCat("GRPC_OS_SEED=", seed, ": ", absl::StrJoin(wrongs, "; "));
    }
  }
  return seen;
}

// Five of them: they run beside each other.
class SqlitePowerCutSeeds : public ::testing::TestWithParam<int> {};

TEST_P(SqlitePowerCutSeeds, NothingAcknowledgedIsLostAndNothingIsHalfThere) {
  int count = getenv("GRPC_OS_LONG") != nullptr ? 500 : 100;
  int first = 1 + GetParam() * count;
  if (const char* seed = getenv("GRPC_OS_SEED"); seed != nullptr) {
    ASSERT_TRUE(absl::SimpleAtoi(seed, &first));
    count = 1;
  }
  const Seen seen = CutMany(first, count);
  printf("%d cuts from seed %d, %d writes acknowledged\n", count, first, seen.acknowledged);
  EXPECT_EQ(seen.lost_some, 0) << seen.first;
  if (count > 1) {
    EXPECT_GT(seen.acknowledged, count) << "hardly any write came through";
  }
}

INSTANTIATE_TEST_SUITE_P(Fifths, SqlitePowerCutSeeds, ::testing::Range(0, 5));

// The disk is as hard as it has to be: where a sync is missing, it loses.
TEST(SqlitePowerCutTest, WithLessSynchronyLossIsSeen) {
  // Where the log is moved into the database it is synced all the same: many steps lose nothing.
  EXPECT_GT(CutMany(1, 150, {"PRAGMA synchronous = NORMAL"}).lost_some, 0);
}
TEST(SqlitePowerCutTest, WithoutTheSyncsOfTheLogLossIsSeen) {
  EXPECT_GT(CutMany(1, 40, {}, "-wal").lost_some, 0);
}
// A checkpoint writes into the database and then lets the log be overwritten.
TEST(SqlitePowerCutTest, WithoutTheSyncsOfTheDatabaseDamageIsSeen) {
  EXPECT_GT(CutMany(1, 80, {}, ".db").lost_some, 0);
}

}  // namespace
}  // namespace grpc_os::store
