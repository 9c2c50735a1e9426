// Large contents survive a power cut: on a disk and under a database that drop, tear and reorder
// whatever was not synced, nothing acknowledged of an upload or an object is lost, and no row names
// a file that is not whole. Each sync that is left out is found out. GRPC_OS_LONG=1: many more
// cuts. GRPC_OS_SEED=N: that one alone.
#include <stdlib.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "store/blob/blobs_under_test.h"
#include "store/blob/lossy_files_harness.h"
#include "store/sqlite/disk_harness.h"
#include "store/sqlite/sqlite_database.h"

namespace grpc_os::store {
namespace {

namespace fs = std::filesystem;

class Directory {
 public:
  Directory() {
    const fs::path parent = fs::exists("/dev/shm") ? "/dev/shm" : fs::temp_directory_path();
    std::string pattern = parent / "blob-cut.XXXXXX";
    path_ = mkdtemp(pattern.data());
  }
  ~Directory() { fs::remove_all(path_); }
  const fs::path& path() const { return path_; }
  fs::path database() const { return path_ / "grpc-os.db"; }

 private:
  fs::path path_;
};

// A few contents, so that the same one comes again.
const std::string& ContentAt(size_t number) {
  static const auto& contents = *new std::vector<std::string>{
      ContentNumber(1, 70'000),  ContentNumber(2, 262'144), ContentNumber(3, 300'001),
      ContentNumber(4, 600'000), ContentNumber(5, 20'000),
  };
  return contents[number % contents.size()];
}
constexpr size_t kContents = 5;

// What the program is about, so that a test can leave out the sync of one place of the code.
enum class Doing { kOther, kOpening, kStarting, kRemoving };

// What was acknowledged, and what was asked for and not answered.
struct Known {
  struct Open {
    std::string name;
    size_t content = 0;
    int64_t persisted = 0;
    bool ending = false;  // finishing or cancelling it was not answered
  };
  std::map<std::string, Open> uploads;                      // by id
  std::map<std::string, std::optional<size_t>> objects;     // by name: its content; none: deleted
  std::map<std::string, std::optional<size_t>> unanswered;  // by name: what may be instead
  std::vector<std::string> cancelled;
  std::map<std::string, size_t> finished;  // by id: its content
  int acknowledged = 0;
};

class Machine {
 public:
  explicit Machine(uint64_t seed) : random_(seed) {}
  Known known;
  LossyDisk files;
  TestClock clock;
  std::atomic<Doing> doing{Doing::kOther};

  // Until the power goes off; or, with nothing left to do, it goes off then. `after`: an empty
  // directory for what is left of the database.
  void RunUntilCut(const fs::path& template_database, const fs::path& after) {
    const Directory before;
    fs::copy_file(template_database, before.database());
    Disk disk;
    LinkTheCuts(disk);
    // Most steps are the files'.
    if (Chance(70)) {
      files.CutAfter(static_cast<int>(1 + random_() % 250), random_());
    } else {
      disk.CutAfter(static_cast<int>(1 + random_() % 200), random_());
    }
    for (int session = 0; session < 4 && !files.cut(); ++session) RunSession(before.database());
    if (!files.cut()) files.CutNow(random_());
    if (!disk.cut()) disk.CutNow(random_());
    disk.WriteSurvivors(after);
    files.Reboot();
  }

 private:
  bool Chance(unsigned percent) { return random_() % 100 < percent; }

  // One machine has one power.
  void LinkTheCuts(Disk& disk) {
    const uint64_t seed = random_();
    files.SetOnStep([&disk] { return disk.cut(); });
    disk.SetOnStep([this, &disk, seed](const Disk::Step&) {
      if (!files.cut()) return SQLITE_OK;
      disk.CutNow(seed);
      return SQLITE_IOERR;
    });
  }

  void RunSession(const fs::path& database) {
    doing = Doing::kOpening;
    auto opened = OpenSqlite(database);
    if (!opened.ok()) return;
    auto system = BlobsUnderTest::Open(files.NewFiles(), *std::move(opened), clock);
    doing = Doing::kOther;
    if (!system.ok()) return;
    for (int step = 0; step < 12 && !files.cut(); ++step) {
      clock.now_ms += 10;
      files.SetChangeTimeMs(clock.now_ms);
      Step(**system);
    }
    // Killed with something written and not synced: the next daemon finds it.
    files.KillAfter(static_cast<int>(1 + random_() % 12));
    for (int step = 0; step < 3 && !files.cut(); ++step) Step(**system);
    system->reset();
  }

  void Step(BlobsUnderTest& system) {
    const unsigned what = random_() % 100;
    if (known.uploads.empty() || what < 20) return Start(system);
    if (what < 60) return WriteSome(system);
    if (what < 80) return Finish(system);
    if (what < 85) return Cancel(system);
    if (what < 90) return Delete(system);
    if (what < 95) return Hiccup(system);
    (void)system.Collect(Chance(50) ? clock.now_ms - 15 : std::numeric_limits<int64_t>::max());
  }

  // The disk cannot sync for a while.
  void Hiccup(BlobsUnderTest& system) {
    files.FailSyncs([](const std::string& path) {
      return path.ends_with(".journal") ? absl::UnavailableError("a bad time") : absl::OkStatus();
    });
    WriteSome(system);
    files.FailSyncs([](const std::string&) { return absl::UnavailableError("a bad time"); });
    WriteSome(system);
    files.FailSyncs(nullptr);
    WriteSome(system);
  }

  std::pair<const std::string, Known::Open>* AnyUpload() {
    std::vector<std::pair<const std::string, Known::Open>*> open;
    for (auto& one : known.uploads) {
      if (!one.second.ending) open.push_back(&one);
    }
    return open.empty() ? nullptr : open[random_() % open.size()];
  }

  void Start(BlobsUnderTest& system) {
    const std::string name = absl::StrCat("/o", random_() % 4);
    doing = Doing::kStarting;
    const auto upload = system.Start(name);
    doing = Doing::kOther;
    if (!upload.ok()) return;
    known.uploads[upload->id] = {.name = name, .content = random_() % kContents};
    ++known.acknowledged;
  }
  void WriteSome(BlobsUnderTest& system) {
    auto* one = AnyUpload();
    if (one == nullptr) return;
    const std::string& content = ContentAt(one->second.content);
    const auto size = static_cast<int64_t>(content.size());
    const auto there = system.Get(one->first);
    if (!there.ok()) return;
    Acknowledge(one->second, there->state.persisted_bytes);
    const int64_t offset = there->state.persisted_bytes;
    const int64_t end = Chance(60) ? size : offset + (size - offset) / 2;
    const int64_t piece = 30'000 + static_cast<int64_t>(random_() % 100'000);
    if (auto wrote = system.Write(one->first, content, offset, end, piece); wrote.ok())
      Acknowledge(one->second, wrote->state.persisted_bytes);
  }
  void Acknowledge(Known::Open& upload, int64_t persisted) {
    upload.persisted = std::max(upload.persisted, persisted);
    ++known.acknowledged;
  }
  void Finish(BlobsUnderTest& system) {
    auto* one = AnyUpload();
    if (one == nullptr) return;
    const std::string id = one->first;
    Known::Open& upload = one->second;
    const std::string& content = ContentAt(upload.content);
    upload.ending = true;
    known.unanswered[upload.name] = upload.content;
    const auto made = system.Finish(id, {.size_bytes = static_cast<int64_t>(content.size())});
    if (absl::IsFailedPrecondition(made.status())) {  // not all of it was written
      upload.ending = false;
      known.unanswered.erase(upload.name);
      return;
    }
    if (!made.ok()) return;
    const size_t upload_content = upload.content;
    known.objects[upload.name] = upload_content;
    known.unanswered.erase(upload.name);
    known.uploads.erase(id);
    known.finished[id] = upload_content;
    ++known.acknowledged;
  }
  void Cancel(BlobsUnderTest& system) {
    auto* one = AnyUpload();
    if (one == nullptr) return;
    const std::string id = one->first;
    one->second.ending = true;
    doing = Doing::kRemoving;
    const auto status = system.Cancel(id);
    doing = Doing::kOther;
    if (!status.ok()) return;
    known.uploads.erase(id);
    known.cancelled.push_back(id);
    ++known.acknowledged;
  }
  void Delete(BlobsUnderTest& system) {
    if (known.objects.empty()) return;
    const std::string name = known.objects.begin()->first;
    known.unanswered[name] = std::nullopt;
    if (!system.Delete(name, /*purge=*/Chance(70)).ok()) return;
    known.objects.erase(name);
    known.unanswered.erase(name);
    ++known.acknowledged;
  }

  std::mt19937_64 random_;
};

// What is wrong with what a cut left: nothing, if all is well.
class Inspection {
 public:
  explicit Inspection(Machine& machine) : machine_(machine), known_(machine.known) {}

  std::vector<std::string> Wrongs(const fs::path& database) {
    auto opened = OpenSqlite(database);
    if (!opened.ok()) return {opened.status().ToString()};
    auto system =
        BlobsUnderTest::Open(machine_.files.NewFiles(), *std::move(opened), machine_.clock);
    if (!system.ok()) return {system.status().ToString()};
    CheckObjects(**system);
    CheckUploads(**system);
    if (!(*system)->Collect(machine_.clock.now_ms + 1000).ok()) Wrong("nothing can be collected");
    CheckObjects(**system);
    return std::move(wrongs_);
  }

 private:
  template <typename... Words>
  void Wrong(const Words&... words) {
    wrongs_.push_back(absl::StrCat(words...));
  }

  void CheckObjects(BlobsUnderTest& system) {
    for (const char* name : {"/o0", "/o1", "/o2", "/o3"}) {
      for (const core::Object& version : system.Versions(name)) {
        const auto stored = system.Find(name, version.generation);
        const auto content = stored.ok() ? system.Content(*stored) : stored.status();
        if (!content.ok()) Wrong(name, " ", version.generation, ": ", content.status().ToString());
      }
      const auto found = system.ContentOf(name);
      if (!found.ok() && !absl::IsNotFound(found.status())) continue;  // told above
      std::optional<size_t> content;
      for (size_t i = 0; found.ok() && i < kContents; ++i) {
        if (*found == ContentAt(i)) content = i;
      }
      const auto wanted = known_.objects.find(name);
      const bool as_answered =
          wanted == known_.objects.end() ? !content : content == wanted->second;
      const auto maybe = known_.unanswered.find(name);
      const bool as_asked = maybe != known_.unanswered.end() && content == maybe->second;
      if (!as_answered && !as_asked && !finished_since_.contains(name)) {
        Wrong(name, " has content ", content.has_value() ? static_cast<int>(*content) : -1);
      }
    }
  }

  void CheckUploads(BlobsUnderTest& system) {
    for (const std::string& id : known_.cancelled) {
      if (!absl::IsNotFound(system.Get(id).status())) Wrong(id, " was cancelled");
    }
    // To look at one that is open changes nothing of what lies among the blobs already.
    for (const auto& [id, upload] : known_.uploads)
      (void)system.Write(id, ContentAt(upload.content), 0, 100, 100);
    CheckObjects(system);
    for (const auto& [id, upload] : known_.uploads) CheckUpload(system, id, upload);
    // Whatever a client still does with one that was finished, its object has the bytes.
    for (const auto& [id, content] : known_.finished) {
      const std::string more = ContentAt(content) + "more";
      const auto size = static_cast<int64_t>(more.size());
      if (system.Write(id, more, size - 4, size, 100).ok()) Wrong(id, " took more");
    }
  }

  void CheckUpload(BlobsUnderTest& system, const std::string& id, const Known::Open& upload) {
    const std::string& content = ContentAt(upload.content);
    const auto size = static_cast<int64_t>(content.size());
    const auto there = system.Get(id);
    if (upload.ending && (absl::IsNotFound(there.status()) || (there.ok() && there->finished)))
      return;
    if (!there.ok()) return Wrong(id, ": ", there.status().ToString());
    const int64_t persisted = there->state.persisted_bytes;
    if (persisted < upload.persisted)
      return Wrong(id, " had ", upload.persisted, " bytes and has ", persisted);
    if (there->state.crc32c != TestChecksum().Of(content.substr(0, persisted)))
      Wrong(id, " has another checksum");
    // That the bytes are those, too.
    if (!there->state.sealed) {
      const auto wrote = system.Write(id, content, persisted, size, 100'000);
      if (!wrote.ok()) return Wrong(id, ": ", wrote.status().ToString());
    }
    const auto made = system.Finish(id, {.sha256 = TestHash::Of(content)});
    if (!made.ok()) return Wrong(id, ": ", made.status().ToString());
    if (system.Content(*system.Find(upload.name)).value_or("") != content)
      Wrong(id, " became another content");
    finished_since_.insert(upload.name);
  }

  Machine& machine_;
  const Known& known_;
  std::set<std::string> finished_since_;
  std::vector<std::string> wrongs_;
};

// A database without an object, made before the time that is told of.
const fs::path& Template() {
  static const Directory directory;
  static const bool made = Store::Open(*OpenSqlite(directory.database())).ok();
  EXPECT_TRUE(made);
  static const fs::path path = directory.database();
  return path;
}

struct Seen {
  int acknowledged = 0;
  int lost_some = 0;
  int syncs_ignored = 0;
  std::string first;
};

using LeftOut = std::function<bool(Doing, const std::string& path, const std::string& content)>;

std::vector<std::string> CutOnce(uint64_t seed, const LeftOut& left_out, Seen& seen) {
  const Directory after;
  Machine machine(seed);
  if (left_out) {
    machine.files.IgnoreSyncs([&](const std::string& path, const std::string& content) {
      return left_out(machine.doing, path, content);
    });
  }
  machine.RunUntilCut(Template(), after.path());
  seen.acknowledged += machine.known.acknowledged;
  seen.syncs_ignored += machine.files.syncs_ignored();
  machine.files.SetOnStep(nullptr);
  machine.files.IgnoreSyncs(nullptr);
  return Inspection(machine).Wrongs(after.database());
}

Seen CutMany(int first_seed, int count, const LeftOut& left_out = nullptr) {
  Seen seen;
  for (int seed = first_seed; seed < first_seed + count; ++seed) {
    const auto wrongs = CutOnce(static_cast<uint64_t>(seed), left_out, seen);
    if (wrongs.empty()) continue;
    ++seen.lost_some;
    if (seen.first.empty())
      seen.first = absl::StrCat("GRPC_OS_SEED=", seed, ": ", absl::StrJoin(wrongs, "; "));
    if (left_out) break;
  }
  return seen;
}

// Five of them: they run beside each other.
class BlobPowerCutSeeds : public testing::TestWithParam<int> {};

TEST_P(BlobPowerCutSeeds, NothingAcknowledgedIsLostAndNoRowNamesWhatIsNotWhole) {
  int count = getenv("GRPC_OS_LONG") != nullptr ? 500 : 100;
  int first = 1 + GetParam() * count;
  if (const char* seed = getenv("GRPC_OS_SEED"); seed != nullptr) {
    ASSERT_TRUE(absl::SimpleAtoi(seed, &first));
    count = 1;
  }
  const Seen seen = CutMany(first, count);
  printf("%d cuts from seed %d, %d answers acknowledged something\n", count, first,
         seen.acknowledged);
  EXPECT_EQ(seen.lost_some, 0) << seen.first;
  if (count > 1) {
    EXPECT_GT(seen.acknowledged, 3 * count) << "hardly anything came through";
  }
}

INSTANTIATE_TEST_SUITE_P(Fifths, BlobPowerCutSeeds, testing::Range(0, 5));

// Whether the file has the table that ends a content: it is being sealed.
bool IsSealed(const std::string& content) {
  return content.size() > 20 && content.substr(content.size() - 20, 8) == "gosblob1";
}

// The kinds of the records of a journal: the target, then 't' as it grows and 's' once sealed.
std::string RecordsOf(const std::string& journal) {
  std::string kinds;
  for (size_t at = 0; at + 8 <= journal.size();) {
    const uint32_t size = Number32At(journal, at);
    kinds += kinds.empty() ? 'T' : size == 52 ? 's' : 't';
    at += 8 + size;
  }
  return kinds;
}

struct SyncPoint {
  const char* name;
  LeftOut left_out;
};

const std::vector<SyncPoint>& SyncPoints() {
  static const auto is = [](const std::string& path, const char* suffix) {
    return path.ends_with(suffix);
  };
  static const auto& points = *new std::vector<SyncPoint>{
      {"TheBytesOfAnUpload",
       [](Doing, const auto& path, const auto& content) {
         return is(path, ".data") && !IsSealed(content);
       }},
      {"ASealedFile", [](Doing, const auto& path,
                         const auto& content) { return is(path, ".data") && IsSealed(content); }},
      {"TheTargetInTheJournal",
       [](Doing doing, const auto& path, const auto& content) {
         return is(path, ".journal") && doing != Doing::kOpening && RecordsOf(content) == "T";
       }},
      {"ARecordOfMoreBytes",
       [](Doing doing, const auto& path, const auto& content) {
         return is(path, ".journal") && doing != Doing::kOpening &&
                RecordsOf(content).ends_with('t');
       }},
      {"TheDirectoriesThemselves",
       [](Doing, const auto& path, const auto&) { return path == "."; }},
      {"TheNamesOfANewUpload",
       [](Doing doing, const auto& path, const auto&) {
         return path == "uploads" && doing == Doing::kStarting;
       }},
      {"TheNamesOfACancelledUpload",
       [](Doing doing, const auto& path, const auto&) {
         return path == "uploads" && doing == Doing::kRemoving;
       }},
      {"ADirectoryOfBlobs", [](Doing, const auto& path, const auto&) { return path == "blobs"; }},
      {"ADirectoryInIt",
       [](Doing, const auto& path, const auto&) {
         return path.starts_with("blobs/") && path.size() == 8;
       }},
      {"TheNameOfABlob",
       [](Doing, const auto& path, const auto&) {
         return path.starts_with("blobs/") && path.size() == 11;
       }},
  };
  return points;
}

class BlobSyncLeftOut : public testing::TestWithParam<size_t> {};

TEST_P(BlobSyncLeftOut, IsFoundOut) {
  const SyncPoint& point = SyncPoints()[GetParam()];
  const Seen seen = CutMany(1, 500, point.left_out);
  EXPECT_GT(seen.syncs_ignored, 0) << "there is no such sync";
  EXPECT_GT(seen.lost_some, 0) << point.name << " was never missed";
  printf("%s: %s\n", point.name, seen.first.c_str());
}

INSTANTIATE_TEST_SUITE_P(Points, BlobSyncLeftOut, testing::Range(size_t{0}, SyncPoints().size()),
                         [](const auto& tested) { return SyncPoints()[tested.param].name; });

// ---- Syncs that only a rare story needs ---------------------------------------------------------

// Each tells what happened to its upload or object before the power was cut, with the sync in
// question left out or not; `Wrong` is what was found after it, empty if all is well.
class BlobSyncStory : public testing::Test {
 protected:
  using Story = std::function<std::string(bool left_out)>;
  void ExpectTheSyncIsNeeded(const Story& story) {
    int wrongs = 0;
    for (uint64_t seed = 1; seed <= 30; ++seed) {
      Begin(seed);
      EXPECT_EQ(story(false), "") << seed;
      Begin(seed);
      if (!story(true).empty()) ++wrongs;
    }
    EXPECT_GT(wrongs, 0);
  }

  void Begin(uint64_t seed) {
    system_.reset();
    seed_ = seed;
    files_ = std::make_unique<LossyDisk>();
    directory_ = std::make_unique<Directory>();
    fs::copy_file(Template(), directory_->database());
    Open();
  }
  void Open() {
    system_.reset();
    auto made =
        BlobsUnderTest::Open(files_->NewFiles(), *OpenSqlite(directory_->database()), clock_);
    ASSERT_TRUE(made.ok()) << made.status();
    system_ = *std::move(made);
  }
  void CutAndOpen() {
    files_->CutNow(seed_);
    files_->IgnoreSyncs(nullptr);
    files_->FailSyncs(nullptr);
    system_.reset();
    files_->Reboot();
    Open();
  }
  void LeaveOut(bool left_out, const std::string& suffix) {
    if (!left_out) return;
    files_->IgnoreSyncs(
        [suffix](const std::string& path, const auto&) { return path.ends_with(suffix); });
  }
  void Fail(const std::string& suffix) {
    files_->FailSyncs([suffix](const std::string& path) {
      return path.ends_with(suffix) ? absl::UnavailableError("a bad time") : absl::OkStatus();
    });
  }
  absl::StatusOr<core::Upload> Write(const std::string& id, int64_t from, int64_t to) {
    return system_->Write(id, content_, from, to, 50'000);
  }
  // Goes on where it is said to stand, to its end.
  std::string GoOn(const std::string& id, int64_t at_least) {
    const auto state = system_->Get(id);
    if (!state.ok()) return state.status().ToString();
    const int64_t persisted = state->state.persisted_bytes;
    if (persisted < at_least) return absl::StrCat("it stands at ", persisted);
    const auto size = static_cast<int64_t>(content_.size());
    if (auto wrote = Write(id, persisted, size); !wrote.ok()) return wrote.status().ToString();
    return system_->Finish(id, {.sha256 = TestHash::Of(content_)}).status().ok() ? "" : "its bytes";
  }

  const std::string content_ = ContentNumber(9, 300'000);
  uint64_t seed_ = 0;
  TestClock clock_;
  std::unique_ptr<LossyDisk> files_;
  std::unique_ptr<Directory> directory_;
  std::unique_ptr<BlobsUnderTest> system_;
};

// The daemon was killed after it had written a record and before it had synced it. The next one
// tells of it, so it must be durable by then.
TEST_F(BlobSyncStory, ARecordThatWasFoundAtTheStart) {
  ExpectTheSyncIsNeeded([&](bool left_out) {
    const std::string id = system_->Start("/a")->id;
    Fail(".journal");
    EXPECT_FALSE(Write(id, 0, 100'000).ok());
    files_->FailSyncs(nullptr);
    LeaveOut(left_out, ".journal");
    Open();
    const int64_t told = system_->Get(id)->state.persisted_bytes;
    EXPECT_EQ(told, 100'000);
    CutAndOpen();
    return GoOn(id, told);
  });
}

// The same of the names of an upload: a repeat of the request is answered with it.
TEST_F(BlobSyncStory, NamesThatWereFoundAtTheStart) {
  ExpectTheSyncIsNeeded([&](bool left_out) {
    core::UploadTarget target;
    target.object.name = "/a";
    target.request_id = target.request_digest = "once";
    const auto start = [&] {
      return Await<absl::StatusOr<core::Upload>>([&](auto done) {
        system_->uploads().Start(target, system_->Ada(), nullptr, std::move(done));
      });
    };
    files_->KillAfter(5);  // two files, the record and its sync; then their directory's
    EXPECT_FALSE(start().ok());
    LeaveOut(left_out, "uploads");
    Open();
    EXPECT_EQ(system_->uploads().usage().uploads, 1);
    const auto again = start();
    CutAndOpen();
    return again.ok() ? GoOn(again->id, 0) : again.status().ToString();
  });
}

// A record of more bytes was written and could not be synced; then the bytes could not be either,
// and are cut off. The record must not come back.
TEST_F(BlobSyncStory, ARecordThatIsTakenBack) {
  ExpectTheSyncIsNeeded([&](bool left_out) {
    const std::string id = system_->Start("/a")->id;
    EXPECT_TRUE(Write(id, 0, 100'000).ok());
    Fail(".journal");
    EXPECT_FALSE(Write(id, 100'000, 200'000).ok());
    Fail("");
    EXPECT_FALSE(Write(id, 200'000, 250'000).ok());
    Fail(".data");
    LeaveOut(left_out, ".journal");
    EXPECT_FALSE(Write(id, 100'000, 150'000).ok());
    CutAndOpen();
    return GoOn(id, 100'000);
  });
}

// The file of an upload is a blob's too once it is sealed: one that is not known to be sealed any
// more would be cut to the bytes of the upload.
TEST_F(BlobSyncStory, TheRecordThatItIsSealed) {
  ExpectTheSyncIsNeeded([&](bool left_out) {
    EXPECT_TRUE(system_->Upload("/a", content_).ok());
    const auto size = static_cast<int64_t>(content_.size());
    const std::string id = system_->Start("/a", size, {.generation = 0})->id;
    EXPECT_TRUE(Write(id, 0, size).ok());
    LeaveOut(left_out, ".journal");
    EXPECT_FALSE(system_->Finish(id).ok());
    CutAndOpen();
    (void)Write(id, 0, 100);
    return system_->ContentOf("/a").value_or("") == content_ ? "" : "the object is damaged";
  });
}

}  // namespace
}  // namespace grpc_os::store
