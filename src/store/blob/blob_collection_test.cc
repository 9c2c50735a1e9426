// Which files a collection removes: at once those that nothing has, after the time of grace those
// that the store does not know, and never one that something has, is about to have or reads.
#include <stdlib.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/limits.h"
#include "core/object/content_check.h"
#include "gtest/gtest.h"
#include "store/blob/blobs_under_test.h"
#include "store/blob/lossy_files_harness.h"
#include "store/sqlite/sqlite_database.h"

namespace grpc_os::store {
namespace {

constexpr int64_t kGraceMs = 1000;

class BlobCollectionTest : public testing::Test {
 protected:
  BlobCollectionTest() {
    std::string pattern = std::filesystem::temp_directory_path() / "blob-collection.XXXXXX";
    directory_ = mkdtemp(pattern.data());
    disk_.SetChangeTimeMs(clock_.now_ms);
    auto database = OpenSqlite(directory_ + "/grpc-os.db");
    auto made = BlobsUnderTest::Open(disk_.NewFiles(), *std::move(database), clock_);
    EXPECT_TRUE(made.ok()) << made.status();
    system_ = *std::move(made);
  }
  ~BlobCollectionTest() override {
    system_.reset();
    std::filesystem::remove_all(directory_);
  }

  void Pass(int64_t ms) {
    clock_.now_ms += ms;
    disk_.SetChangeTimeMs(clock_.now_ms);
  }
  // How many files go; strays after the grace.
  int64_t Collect() { return CollectStrays(clock_.now_ms - kGraceMs); }
  int64_t CollectStrays(int64_t before_ms) {
    auto collected = system_->Collect(before_ms);
    EXPECT_TRUE(collected.ok()) << collected.status();
    if (!collected.ok()) return -1;
    in_use_ = collected->in_use;
    return collected->removed;
  }
  int64_t Collect(core::BlobIndex& index) {
    system_->index().SetTo(index);
    const int64_t removed = Collect();
    system_->index().SetTo(system_->store());
    return removed;
  }
  std::shared_ptr<core::BlobReader> Reader(const core::Object& object) {
    return system_->blobs().ReadBlob(
        {.name = object.name, .sha256 = object.sha256, .size_bytes = object.size_bytes});
  }
  absl::StatusOr<std::string> Rest(const std::shared_ptr<core::BlobReader>& reader) {
    std::string content;
    for (;;) {
      auto piece = Await<absl::StatusOr<core::BlobReader::Piece>>(
          [&](auto done) { reader->Next(std::move(done)); });
      if (!piece.ok()) return piece.status();
      if (piece->data.empty()) return content;
      content += piece->data;
    }
  }
  void Upload(const std::string& name, const std::string& content) {
    const auto made = system_->Upload(name, content);
    ASSERT_TRUE(made.ok()) << made.status();
  }
  // A put that is refused: /taken is. Its upload is still there.
  std::string Refused(const std::string& content) {
    const auto started = system_->Start("/taken", std::nullopt, {.generation = 0});
    EXPECT_TRUE(started.ok()) << started.status();
    const auto size = static_cast<int64_t>(content.size());
    EXPECT_TRUE(system_->Write(started->id, content, 0, size, 100'000).ok());
    EXPECT_EQ(system_->Finish(started->id).status().code(), absl::StatusCode::kFailedPrecondition);
    return started->id;
  }
  // A file that the index does not know; its path.
  std::string Stray(int64_t bytes) {
    auto files = disk_.NewFiles();
    std::string path = BlobFiles::PathOf(TestHash::Of("nobody's"));
    EXPECT_TRUE(files->MakeDirectory(path.substr(0, 8)).ok());
    EXPECT_TRUE(files->MakeDirectory(path.substr(0, 11)).ok());
    const std::string content(static_cast<size_t>(bytes), 'x');
    EXPECT_TRUE(files->Open(path, Files::Mode::kCreate).value()->WriteAt(0, content).ok());
    return path;
  }
  bool HasFileOf(const std::string& content) const {
    return disk_.Has(BlobFiles::PathOf(TestHash::Of(content)));
  }
  int Files() const {
    const auto paths = disk_.Paths();
    return static_cast<int>(std::count_if(paths.begin(), paths.end(), [](const auto& path) {
      return path.starts_with("blobs/") && path.size() > 20;
    }));
  }

  int64_t in_use_ = 0;  // as the last collection says
  const std::string big_ = ContentNumber(1, 300'000);
  const std::string other_ = ContentNumber(2, 200'000);
  TestClock clock_;
  LossyDisk disk_;
  std::string directory_;
  std::unique_ptr<BlobsUnderTest> system_;
};

// The store's index, where a test can step in between.
class IndexInBetween final : public core::BlobIndex {
 public:
  explicit IndexInBetween(core::BlobIndex& index) : index_(index) {}
  std::function<void()> before_forget = [] {};
  std::function<void()> after_forget = [] {};
  std::function<void()> after_list = [] {};
  absl::Status forget_failure;

  void ListUnusedBlobs(int64_t since_ms, int limit, std::function<void(Listed)> done) override {
    index_.ListUnusedBlobs(since_ms, limit, std::move(done));
  }
  void ListBlobs(const std::string& after, int limit, std::function<void(Listed)> done) override {
    auto listed = Await<Listed>(
        [&](auto listed_done) { index_.ListBlobs(after, limit, std::move(listed_done)); });
    after_list();
    done(std::move(listed));
  }
  void ForgetBlob(const std::string& sha256, int64_t since_ms,
                  std::function<void(absl::StatusOr<bool>)> done) override {
    before_forget();
    if (!forget_failure.ok()) return done(forget_failure);
    auto forgotten = Await<absl::StatusOr<bool>>(
        [&](auto told) { index_.ForgetBlob(sha256, since_ms, std::move(told)); });
    after_forget();
    done(forgotten);
  }
  void MeasureUnusedBlobs(std::function<void(absl::StatusOr<core::BlobUsage>)> done) override {
    index_.MeasureUnusedBlobs(std::move(done));
  }

 private:
  core::BlobIndex& index_;
};

TEST_F(BlobCollectionTest, WhatNothingHasGoesAtOnce) {
  Upload("/a", big_);
  Upload("/b", other_);
  EXPECT_EQ(Collect(), 0);
  ASSERT_TRUE(system_->Delete("/a", /*purge=*/true).ok());
  const auto waiting = system_->MeasureUnused();
  ASSERT_TRUE(waiting.ok());
  EXPECT_EQ(*waiting, (core::BlobUsage{.contents = 1, .bytes = 300'000}));
  EXPECT_EQ(Collect(), 1);
  EXPECT_FALSE(HasFileOf(big_));
  EXPECT_EQ(system_->ContentOf("/b").value_or(""), other_);
  EXPECT_EQ(Collect(), 0);
  EXPECT_EQ(system_->MeasureUnused().value_or(core::BlobUsage{.contents = 7}), core::BlobUsage());
}

TEST_F(BlobCollectionTest, WhatIsReadStaysUntilItIsRead) {
  Upload("/a", big_);
  const auto object = system_->Find("/a");
  ASSERT_TRUE(object.ok());
  auto begun = Reader(*object);
  ASSERT_TRUE(Await<absl::StatusOr<core::BlobReader::Piece>>([&](auto done) {
                begun->Next(std::move(done));
              }).ok());
  auto not_begun = Reader(*object);
  ASSERT_TRUE(system_->Delete("/a", /*purge=*/true).ok());
  EXPECT_EQ(Collect(), 0);
  EXPECT_EQ(in_use_, 1);
  EXPECT_EQ(system_->MeasureUnused()->bytes, 300'000) << "it waits for its readers";
  EXPECT_EQ(Rest(begun)->size(), big_.size() - limits::kStreamChunkBytes);
  begun.reset();
  EXPECT_EQ(Collect(), 0);
  EXPECT_EQ(Rest(not_begun).value_or(""), big_);
  not_begun.reset();
  // Its last answer may still be on its way out of the thread that gave it.
  int64_t removed = 0;
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while ((removed = Collect()) == 0 && in_use_ == 1 && std::chrono::steady_clock::now() < until)
    std::this_thread::yield();
  EXPECT_EQ(removed, 1);
  EXPECT_EQ(in_use_, 0);
}

// Between the look at the object and the reader the content was removed.
TEST_F(BlobCollectionTest, WhoComesTooLateHearsThatThereIsNoneAndNotOfDamage) {
  Upload("/a", big_);
  Upload("/b", other_);
  const auto object = system_->Find("/a");
  const auto damaged = system_->Find("/b");
  ASSERT_TRUE(object.ok() && damaged.ok());
  ASSERT_TRUE(system_->Delete("/a", /*purge=*/true).ok());
  EXPECT_EQ(Collect(), 1);
  EXPECT_EQ(Rest(Reader(*object)).status().code(), absl::StatusCode::kNotFound);
  ASSERT_TRUE(disk_.NewFiles()->Unlink(BlobFiles::PathOf(damaged->sha256)).ok());
  EXPECT_EQ(Rest(Reader(*damaged)).status().code(), absl::StatusCode::kDataLoss);
}

// A store's contents; a test can step in after they are listed.
class ContentsThenMore final : public core::ContentIndex {
 public:
  ContentsThenMore(core::ContentIndex& index, std::function<void()> after_list)
      : index_(index), after_list_(std::move(after_list)) {}
  void ListContents(const core::Requester& by, const std::string& prefix, const std::string& from,
                    int limit,
                    std::function<void(absl::StatusOr<core::ContentPage>)> done) override {
    auto page = Await<absl::StatusOr<core::ContentPage>>(
        [&](auto listed) { index_.ListContents(by, prefix, from, limit, std::move(listed)); });
    after_list_();
    done(std::move(page));
  }

 private:
  core::ContentIndex& index_;
  const std::function<void()> after_list_;
};

TEST_F(BlobCollectionTest, WhatIsRemovedDuringACheckIsNoDamage) {
  Upload("/a", big_);
  Upload("/b", other_);
  bool removed = false;
  ContentsThenMore contents(system_->store(), [&] {
    if (std::exchange(removed, true)) return;
    ASSERT_TRUE(system_->Delete("/a", /*purge=*/true).ok());
    EXPECT_EQ(Collect(), 1);
  });
  const TestHash hash;
  const TestChecksum checksum;
  const auto check = core::ContentCheck::Make({contents, system_->blobs(), hash, checksum}, "/");
  core::ContentCheck::Progress progress;
  while (!progress.done) {
    const auto step = Await<absl::StatusOr<core::ContentCheck::Progress>>(
        [&](auto done) { check->Next(std::move(done)); });
    ASSERT_TRUE(step.ok()) << step.status();
    EXPECT_EQ(step->damaged.size(), 0);
    progress = *step;
  }
  EXPECT_TRUE(removed);
  EXPECT_EQ(progress.contents, 1);
}

TEST_F(BlobCollectionTest, AFullDiskIsFreedOfWhatNothingNamesBeforeAPutIsRefused) {
  Upload("/a", big_);
  Upload("/b", other_);
  disk_.SetCapacity(600'000);
  EXPECT_EQ(system_->Upload("/c", ContentNumber(3, 250'000)).status().code(),
            absl::StatusCode::kUnavailable);
  ASSERT_TRUE(system_->Delete("/a", /*purge=*/true).ok());
  const auto made = system_->Upload("/d", ContentNumber(4, 250'000));
  EXPECT_TRUE(made.ok()) << made.status();
  EXPECT_FALSE(HasFileOf(big_));
  EXPECT_EQ(system_->ContentOf("/b").value_or(""), other_);
}

TEST_F(BlobCollectionTest, OnAFullDiskStraysHaveNoGrace) {
  const std::string stray = Stray(999);
  EXPECT_EQ(Collect(), 0);
  EXPECT_EQ(system_->blobs().stray_bytes(), 999);
  EXPECT_EQ(CollectStrays(0), 0);
  disk_.SetCapacity(limits::kDiskPressureBytes);
  EXPECT_EQ(CollectStrays(0), 1);
  EXPECT_FALSE(disk_.Has(stray));
  EXPECT_EQ(system_->blobs().stray_bytes(), 0);
}

TEST_F(BlobCollectionTest, WhatAnObjectOrAVersionHasStays) {
  Upload("/a", big_);
  Upload("/a", other_);  // big_ is a version
  Upload("/b", other_);
  ASSERT_TRUE(system_->Delete("/a", /*purge=*/false).ok());  // both are
  Pass(100 * kGraceMs);
  EXPECT_EQ(Collect(), 0);
  for (const core::Object& version : system_->Versions("/a"))
    EXPECT_TRUE(system_->Content(version).ok());
  EXPECT_EQ(system_->Versions("/a").size(), 2);
  EXPECT_EQ(Files(), 2);
}

TEST_F(BlobCollectionTest, WhatIsHadAgainStays) {
  Upload("/a", big_);
  ASSERT_TRUE(system_->Delete("/a", /*purge=*/true).ok());
  Upload("/b", big_);
  EXPECT_EQ(Collect(), 0);
  EXPECT_EQ(system_->ContentOf("/b").value_or(""), big_);
}

TEST_F(BlobCollectionTest, FilesThatTheIndexDoesNotKnowGoOnceTheyAreOld) {
  Upload("/a", big_);
  auto files = disk_.NewFiles();
  const std::string stray = BlobFiles::PathOf(TestHash::Of("nobody's"));
  ASSERT_TRUE(files->Open(stray, Files::Mode::kCreate).value()->WriteAt(0, "x").ok());
  // What a crash left of laying one that is known.
  const std::string half = BlobFiles::PathOf(TestHash::Of(big_)) + ".upload_x.data";
  ASSERT_TRUE(files->Open(half, Files::Mode::kCreate).value()->WriteAt(0, "x").ok());
  ASSERT_TRUE(files->MakeDirectory(stray.substr(0, 8)).ok());
  ASSERT_TRUE(files->MakeDirectory(stray.substr(0, 11)).ok());
  EXPECT_EQ(Collect(), 0);
  Pass(kGraceMs);
  EXPECT_EQ(Collect(), 2);
  EXPECT_FALSE(disk_.Has(stray));
  EXPECT_FALSE(disk_.Has(half));
  EXPECT_EQ(system_->ContentOf("/a").value_or(""), big_);
}

TEST_F(BlobCollectionTest, ACommitOfTheSameContentAfterItIsForgottenKeepsIt) {
  Upload("/a", big_);
  ASSERT_TRUE(system_->Delete("/a", /*purge=*/true).ok());
  Pass(kGraceMs);
  IndexInBetween index(system_->store());
  int forgotten = 0;
  index.after_forget = [&] {
    ++forgotten;
    Upload("/b", big_);
  };
  EXPECT_EQ(Collect(index), 0);
  EXPECT_EQ(forgotten, 1);
  Pass(kGraceMs);
  EXPECT_EQ(Collect(), 0);
  EXPECT_EQ(system_->ContentOf("/b").value_or(""), big_);
}

TEST_F(BlobCollectionTest, ACommitOfTheSameContentBeforeItIsForgottenKeepsIt) {
  Upload("/a", big_);
  ASSERT_TRUE(system_->Delete("/a", /*purge=*/true).ok());
  Pass(kGraceMs);
  IndexInBetween index(system_->store());
  index.before_forget = [&] { Upload("/b", big_); };
  EXPECT_EQ(Collect(index), 0);
  EXPECT_EQ(system_->ContentOf("/b").value_or(""), big_);
}

// Laid before the collection began, named while it ran.
class LaidBefore : public BlobCollectionTest {
 protected:
  void LayAndWait() {
    const auto started = system_->Start("/b");
    ASSERT_TRUE(started.ok());
    const auto size = static_cast<int64_t>(big_.size());
    ASSERT_TRUE(system_->Write(started->id, big_, 0, size, 100'000).ok());
    std::promise<void> laid;
    system_->SetOnPut([&](std::function<void()> put) {
      put_ = std::move(put);
      laid.set_value();
    });
    system_->uploads().Finish(started->id, {}, system_->Caller("FinishUpload"),
                              [this](const absl::StatusOr<core::Object>& object) {
                                finished_.set_value(object.status());
                              });
    laid.get_future().wait();
  }
  // The row is there, and nobody holds the file any more.
  void NameIt() {
    std::exchange(put_, nullptr)();
    EXPECT_TRUE(finished_.get_future().get().ok());
    // What follows in the daemon's own order has come after the hold was let go of.
    EXPECT_TRUE(system_->Find("/b").ok());
    Await<absl::StatusOr<bool>>([&](auto done) {
      system_->store().ForgetBlob(std::string(32, 'x'), 0, std::move(done));
    }).IgnoreError();
  }

  std::function<void()> put_;
  std::promise<absl::Status> finished_;
};

TEST_F(LaidBefore, AndNamedAfterTheCollectionItIsNotEvenForgotten) {
  Upload("/a", big_);
  ASSERT_TRUE(system_->Delete("/a", /*purge=*/true).ok());
  LayAndWait();
  IndexInBetween index(system_->store());
  bool forgotten = false;
  index.before_forget = [&] { forgotten = true; };
  EXPECT_EQ(Collect(index), 0);
  EXPECT_EQ(in_use_, 1);
  EXPECT_FALSE(forgotten);
  NameIt();
  EXPECT_EQ(Collect(index), 0);
  EXPECT_EQ(system_->ContentOf("/b").value_or(""), big_);
}

// It was held, and let go of without being named, between the list and the look at the file.
TEST_F(BlobCollectionTest, TheFileOfAPutThatIsRefusedDuringACollectionGoesWithIt) {
  Upload("/a", big_);
  ASSERT_TRUE(system_->Delete("/a", /*purge=*/true).ok());
  Upload("/taken", other_);
  IndexInBetween index(system_->store());
  index.after_forget = [&] { ASSERT_TRUE(system_->Cancel(Refused(big_)).ok()); };
  EXPECT_EQ(Collect(index), 1);
  EXPECT_FALSE(HasFileOf(big_));
  EXPECT_EQ(system_->ContentOf("/taken").value_or(""), other_);
}

TEST_F(BlobCollectionTest, APutThatIsRefusedGivesItsRoomBack) {
  Upload("/taken", other_);
  EXPECT_EQ(CollectStrays(0), 0);
  EXPECT_FALSE(system_->blobs().AnyLetGo());
  ASSERT_TRUE(system_->Cancel(Refused(big_)).ok());
  EXPECT_TRUE(HasFileOf(big_));
  EXPECT_TRUE(system_->blobs().AnyLetGo());
  EXPECT_EQ(CollectStrays(0), 1);
  EXPECT_FALSE(HasFileOf(big_));
  EXPECT_FALSE(system_->blobs().AnyLetGo());
  EXPECT_EQ(system_->ContentOf("/taken").value_or(""), other_);
}

TEST_F(BlobCollectionTest, APutThatWasRefusedCanBeFinishedAfterItsFileIsGone) {
  Upload("/taken", other_);
  const std::string id = Refused(big_);
  EXPECT_EQ(CollectStrays(0), 1);
  EXPECT_FALSE(HasFileOf(big_));
  ASSERT_TRUE(system_->Delete("/taken", /*purge=*/true).ok());
  ASSERT_TRUE(system_->Finish(id).ok());
  EXPECT_EQ(CollectStrays(0), 1) << "that of /taken";
  EXPECT_EQ(system_->ContentOf("/taken").value_or(""), big_);
}

TEST_F(BlobCollectionTest, APutThatIsRefusedTakesNothingFromWhoHasTheSameContent) {
  Upload("/taken", other_);
  Upload("/b", big_);
  ASSERT_TRUE(system_->Cancel(Refused(big_)).ok());
  EXPECT_EQ(CollectStrays(0), 0);
  EXPECT_FALSE(system_->blobs().AnyLetGo());
  EXPECT_EQ(system_->ContentOf("/b").value_or(""), big_);
}

TEST_F(BlobCollectionTest, OnAFullDiskStraysGoEvenWhereTheIndexCannotBeWritten) {
  Upload("/a", big_);
  ASSERT_TRUE(system_->Delete("/a", /*purge=*/true).ok());
  const std::string stray = Stray(999);
  IndexInBetween index(system_->store());
  index.forget_failure = absl::UnavailableError("no room for the log");
  system_->index().SetTo(index);
  disk_.SetCapacity(limits::kDiskPressureBytes);
  EXPECT_EQ(system_->Collect(0).status(), index.forget_failure);
  EXPECT_FALSE(disk_.Has(stray));
  EXPECT_TRUE(HasFileOf(big_));
  // And for a put that finds no room.
  const std::string next = Stray(400'000);
  clock_.now_ms += limits::kPressureCollectEveryMs;
  disk_.SetCapacity(900'000);
  EXPECT_TRUE(system_->Upload("/c", ContentNumber(3, 400'000)).ok());
  EXPECT_FALSE(disk_.Has(next));
  system_->index().SetTo(system_->store());
}

TEST_F(BlobCollectionTest, APutGoesOnToRemoveUntilThereIsRoom) {
  Upload("/a", ContentNumber(5, 100'000));
  ASSERT_TRUE(system_->Delete("/a", /*purge=*/true).ok());
  const std::string stray = Stray(300'000);
  disk_.SetCapacity(500'000);
  const auto started = system_->Start("/b");
  ASSERT_TRUE(started.ok());
  const auto written = system_->Write(started->id, big_, 0, 300'000, 300'000);
  EXPECT_TRUE(written.ok()) << written.status();
  EXPECT_FALSE(disk_.Has(stray));
}

TEST_F(BlobCollectionTest, UnderPressureStraysAreLookedForOnceAMinute) {
  disk_.SetCapacity(limits::kDiskPressureBytes);
  Stray(1);
  EXPECT_EQ(CollectStrays(0), 1);
  Stray(1);
  EXPECT_EQ(CollectStrays(0), 0);
  clock_.now_ms += limits::kPressureCollectEveryMs - 1;
  EXPECT_EQ(CollectStrays(0), 0);
  clock_.now_ms += 1;
  EXPECT_EQ(CollectStrays(0), 1);
  Stray(1);
  clock_.now_ms -= 1;  // a clock that was set back is no reason to wait
  EXPECT_EQ(CollectStrays(0), 1);
}

// They are few, and a download needs one.
TEST_F(BlobCollectionTest, OnAFullDiskAThreadWaitsForACollectionUnderWayButNotLong) {
  Upload("/a", big_);
  ASSERT_TRUE(system_->Delete("/a", /*purge=*/true).ok());
  disk_.SetCapacity(400'000);
  IndexInBetween index(system_->store());
  std::promise<absl::Status> refused;
  std::future<absl::Status> answer = refused.get_future();
  std::thread put;
  index.before_forget = [&] {
    put = std::thread(
        [&] { refused.set_value(system_->Upload("/c", ContentNumber(3, 250'000)).status()); });
    EXPECT_EQ(answer.wait_for(std::chrono::seconds(20)), std::future_status::ready);
  };
  EXPECT_EQ(Collect(index), 1);
  put.join();
  EXPECT_EQ(answer.get().code(), absl::StatusCode::kUnavailable);
}

// Each write to the journal in turn finds the disk full once, the one that seals it too; and so
// does the link.
TEST_F(BlobCollectionTest, WhateverAPutWritesFindsTheRoomThatIsMade) {
  std::string suffix = ".journal";
  int failing = 0;
  int writes = 0;
  disk_.FailWrites([&](const std::string& path) {
    if (!path.ends_with(suffix) || ++writes != failing) return absl::OkStatus();
    return absl::ResourceExhaustedError("the disk is full");
  });
  do {
    writes = 0;
    ++failing;
    const auto made = system_->Upload("/a", big_);
    ASSERT_TRUE(made.ok()) << failing << ": " << made.status();
  } while (writes >= failing);
  EXPECT_GT(failing, 3) << "its target, what is durable, that it is sealed";
  suffix = ".data";  // of the upload, and of the link to it
  writes = 0;
  failing = 4;  // two pieces, the table, the link
  const auto made = system_->Upload("/b", other_);
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_GE(writes, failing);
  disk_.FailWrites(nullptr);
  EXPECT_EQ(system_->ContentOf("/a").value_or(""), big_);
  EXPECT_EQ(system_->ContentOf("/b").value_or(""), other_);
}

TEST_F(LaidBefore, AndNamedAfterTheIndexWasAskedWhatItKnows) {
  LayAndWait();
  Pass(kGraceMs);
  IndexInBetween index(system_->store());
  bool named = false;
  index.after_list = [&] {
    if (!std::exchange(named, true)) NameIt();
  };
  EXPECT_EQ(Collect(index), 0);
  EXPECT_TRUE(named);
  EXPECT_EQ(system_->ContentOf("/b").value_or(""), big_);
}

TEST_F(LaidBefore, AndNotNamedYetItStaysHoweverOldItIs) {
  LayAndWait();
  Pass(100 * kGraceMs);
  EXPECT_EQ(Collect(), 0);
  EXPECT_EQ(system_->blobs().stray_bytes(), 0) << "its bytes are the upload's";
  NameIt();
  EXPECT_EQ(system_->ContentOf("/b").value_or(""), big_);
}

TEST_F(BlobCollectionTest, AnIdleUploadIsForgottenWithItsBytes) {
  const auto started = system_->Start("/a");
  ASSERT_TRUE(started.ok());
  ASSERT_TRUE(system_->Write(started->id, big_, 0, 100'000, 100'000).ok());
  clock_.now_ms += limits::kUploadIdleMs - 1;
  system_->uploads().Tick(clock_.now_ms);
  EXPECT_EQ(system_->uploads().usage().uploads, 1);
  EXPECT_EQ(system_->uploads().usage().bytes, 100'000);
  ASSERT_TRUE(system_->Write(started->id, big_, 100'000, 200'000, 100'000).ok());
  clock_.now_ms += limits::kUploadIdleMs - 1;  // counted from its last piece
  system_->uploads().Tick(clock_.now_ms);
  EXPECT_EQ(system_->uploads().usage().uploads, 1);
  clock_.now_ms += 100'000;
  system_->uploads().Tick(clock_.now_ms);
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (system_->uploads().usage().uploads != 0 && std::chrono::steady_clock::now() < until)
    std::this_thread::yield();
  EXPECT_EQ(system_->uploads().usage().uploads, 0);
  for (const std::string& path : disk_.Paths()) EXPECT_FALSE(path.starts_with("uploads/")) << path;
  EXPECT_EQ(system_->Get(started->id).status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace grpc_os::store
