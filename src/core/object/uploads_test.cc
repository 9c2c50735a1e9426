// Whose uploads are, how many one user may have, and what is told of them. What they do with bytes
// is tested with their files (store/blob).
#include "core/object/uploads.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error_detail.h"
#include "base/limits.h"
#include "core/error_reason.h"
#include "core/object/object_errors.h"
#include "core/object/storage_usage.h"
#include "testing/memory_object_store.h"

namespace grpc_os::core {
namespace {

struct FakeClock final : Clock {
  int64_t NowMs() const override { return 1000; }
};

// Without bytes.
class EmptyFile final : public UploadFile {
 public:
  UploadState State() const override { return {}; }
  void Write(Piece, std::function<void(absl::Status)> done) override { done(absl::OkStatus()); }
  void Persist(std::function<void(absl::StatusOr<UploadState>)> done) override { done(State()); }
  void Measure(std::function<void(absl::StatusOr<ObjectContent>)> done) override {
    done(ObjectContent());
  }
  void Seal(std::function<void(absl::StatusOr<Sealed>)> done) override {
    Sealed sealed;
    sealed.hold = hold = std::make_shared<int>();
    sealed.let_go = [this] {
      EXPECT_EQ(hold.use_count(), 1) << "nobody holds it any more";
      ++let_go;
    };
    done(std::move(sealed));
  }
  std::shared_ptr<void> hold;
  int let_go = 0;
  void Remove(std::function<void(absl::Status)> done) override { done(absl::OkStatus()); }
};

class EmptyFiles final : public UploadFiles {
 public:
  void Create(const UploadTarget&,
              std::function<void(absl::StatusOr<std::shared_ptr<UploadFile>>)> done) override {
    ++created;
    done(last = std::make_shared<EmptyFile>());
  }
  absl::StatusOr<std::vector<Stored>> LoadUploads() override { return std::vector<Stored>(); }

  int created = 0;
  std::shared_ptr<EmptyFile> last;
};

class Finished final : public RequestStore {
 public:
  void FindRequest(
      const RequestKey& key,
      std::function<void(absl::StatusOr<std::optional<CommittedRequest>>)> done) override {
    const auto it = committed.find(key.id);
    done(it == committed.end() ? std::nullopt : std::optional(it->second));
  }

  std::map<std::string, CommittedRequest> committed;  // by upload
};

class UploadsTest : public ::testing::Test {
 protected:
  absl::StatusOr<Upload> Start(const std::string& user, const std::string& request_id = "",
                               Uploads::Check check = nullptr) {
    UploadTarget target;
    target.user = user;
    target.object.name = "/a";
    target.request_id = request_id;
    std::optional<absl::StatusOr<Upload>> got;
    uploads_.Start(std::move(target), std::move(check),
                   [&](absl::StatusOr<Upload> upload) { got = std::move(upload); });
    return *std::move(got);
  }
  absl::StatusOr<Upload> Get(const std::string& id, const ObjectAccess& access) {
    std::optional<absl::StatusOr<Upload>> got;
    uploads_.Get(id, "ann", access, [&](absl::StatusOr<Upload> one) { got = std::move(one); });
    return *std::move(got);
  }
  absl::Status TryToFinish(const std::string& id) {
    Objects::By by;
    by.origin.record.user = "ann";
    by.access = [](ObjectVerb, std::string_view) { return true; };
    absl::Status status = absl::UnknownError("no answer");
    uploads_.Finish(id, {}, std::move(by),
                    [&](const absl::StatusOr<Object>& made) { status = made.status(); });
    return status;
  }
  void Finish(const std::string& id) {
    EXPECT_TRUE(TryToFinish(id).ok());
    finished_.committed[id] = {.key = {}, .digest = "finish", .subject = "obj_1", .time_ms = 1000};
  }
  template <typename T>
  static std::string Why(const absl::StatusOr<T>& result) {
    if (result.ok()) return "OK";
    const auto detail = DetailOf(result.status());
    if (!detail.has_value()) return result.status().ToString();
    const auto limit = detail->metadata.find("limit");
    return limit == detail->metadata.end() ? detail->reason : limit->second;
  }

  FakeClock clock_;
  EmptyFiles files_;
  Finished finished_;
  Requests requests_{finished_};
  absl::Status refusal_;  // of a put
  Object object_{.id = "obj_1", .name = "/a", .size_bytes = 5};
  Uploads uploads_{{
      .files = files_,
      .requests = requests_,
      .committed = finished_,
      .clock = clock_,
      .put = [this](const PutObject&, const Objects::By&,
                    const Objects::Done& done) { refusal_.ok() ? done(object_) : done(refusal_); },
      .get =
          [this](const std::string& id, const ObjectAccess& access, const Objects::Done& done) {
            access(ObjectVerb::kRead, object_.name) ? done(object_) : done(ObjectNotFound(id));
          },
  }};
};

TEST_F(UploadsTest, OneUserLeavesTheOthersPlaces) {
  std::vector<std::string> ids;
  for (int i = 0; i < limits::kUploadsOpen / 2; ++i) {
    auto started = Start("ann");
    ASSERT_TRUE(started.ok()) << started.status();
    ids.push_back(started->id);
  }
  EXPECT_EQ(Why(Start("ann")), "uploads open of one user");
  EXPECT_EQ(files_.created, limits::kUploadsOpen / 2);
  for (int i = 0; i < limits::kUploadsOpen / 2; ++i) ASSERT_EQ(Why(Start("bob")), "OK");
  EXPECT_EQ(Why(Start("eve")), "uploads open");
  uploads_.Cancel(ids.front(), "ann",
                  [](const absl::Status& status) { EXPECT_TRUE(status.ok()) << status; });
  EXPECT_EQ(Why(Start("ann")), "OK");
}

TEST_F(UploadsTest, OneUserLeavesTheOthersStreams) {
  const auto write = [&](const std::string& user) {
    const auto started = Start(user);
    return uploads_.BeginWrite(started->id, user);
  };
  std::vector<std::shared_ptr<Uploads::Writer>> writers;
  for (const std::string user : {"ann", "bob"}) {
    for (int i = 0; i < limits::kUploadStreams / 2; ++i) {
      auto writer = write(user);
      ASSERT_TRUE(writer.ok()) << writer.status();
      writers.push_back(*std::move(writer));
    }
    EXPECT_EQ(Why(write(user)), writers.size() == limits::kUploadStreams
                                    ? "uploads written at a time"
                                    : "uploads written at a time by one user");
  }
  EXPECT_EQ(Why(write("eve")), "uploads written at a time");
  writers.erase(writers.begin());
  EXPECT_EQ(Why(write("bob")), "uploads written at a time by one user");
  EXPECT_EQ(Why(write("ann")), "OK");
}

TEST_F(UploadsTest, TheCheckIsAskedOnceForEachUpload) {
  int asked = 0;
  absl::Status answer = absl::ResourceExhaustedError("no room");
  const Uploads::Check check = [&](const std::function<void(absl::Status)>& done) {
    ++asked;
    done(answer);
  };
  EXPECT_EQ(Start("ann", "r1", check).status(), answer);
  EXPECT_EQ(uploads_.usage().uploads, 0) << "it leaves its place";
  EXPECT_EQ(files_.created, 0);
  answer = absl::OkStatus();
  const auto started = Start("ann", "r1", check);
  ASSERT_TRUE(started.ok()) << started.status();
  answer = absl::ResourceExhaustedError("no room any more");
  const auto again = Start("ann", "r1", check);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->id, started->id);
  EXPECT_EQ(asked, 2);
  EXPECT_EQ(files_.created, 1);
}

TEST_F(UploadsTest, WhileTheCheckIsUnderWayTheUploadIsBusy) {
  std::function<void(absl::Status)> answer;
  std::optional<absl::StatusOr<Upload>> first;
  UploadTarget target;
  target.user = "ann";
  target.request_id = "r1";
  uploads_.Start(
      target, [&](std::function<void(absl::Status)> done) { answer = std::move(done); },
      [&](absl::StatusOr<Upload> upload) { first = std::move(upload); });
  EXPECT_EQ(Why(Start("ann", "r1")), reason::kUploadBusy);
  answer(absl::OkStatus());
  answer = nullptr;
  ASSERT_TRUE(first.has_value() && first->ok());
  EXPECT_EQ(Start("ann", "r1")->id, (*first)->id);
}

// What failed in the storage may be found after a crash, with its file.
TEST_F(UploadsTest, OnlyOfAPutThatIsCertainlyRefusedTheFileIsLetGo) {
  const std::string id = Start("ann")->id;
  for (const auto& refusal : {absl::UnavailableError("nothing was stored"),
                              absl::InternalError("not carried out whole")}) {
    refusal_ = refusal;
    EXPECT_EQ(TryToFinish(id), refusal);
  }
  EXPECT_EQ(files_.last->let_go, 0);
  for (const auto& refusal : {absl::ResourceExhaustedError("the quota"),
                              absl::FailedPreconditionError("another generation")}) {
    refusal_ = refusal;
    EXPECT_EQ(TryToFinish(id), refusal);
  }
  EXPECT_EQ(files_.last->let_go, 2);
  refusal_ = absl::OkStatus();
  EXPECT_TRUE(TryToFinish(id).ok());
  EXPECT_EQ(files_.last->let_go, 2);
}

TEST_F(UploadsTest, AFinishedOneIsShownToWhoMayReadOrWriteItsObject) {
  const std::string id = Start("ann")->id;
  Finish(id);
  object_.name = "/elsewhere";
  for (const ObjectVerb allowed : {ObjectVerb::kRead, ObjectVerb::kWrite}) {
    const auto shown = Get(id, [&](ObjectVerb verb, std::string_view name) {
      EXPECT_EQ(name, "/elsewhere");
      return verb == allowed;
    });
    ASSERT_TRUE(shown.ok()) << shown.status();
    EXPECT_EQ(shown->name, "/elsewhere");
    EXPECT_EQ(shown->state.persisted_bytes, 5);
  }
  const auto hidden = Get(id, [](ObjectVerb, std::string_view) { return false; });
  ASSERT_TRUE(hidden.ok()) << hidden.status();
  EXPECT_TRUE(hidden->finished);
  EXPECT_EQ(hidden->name, "obj_1");
  EXPECT_EQ(hidden->state, UploadState());
}

// ---- What all of it takes (StorageMeter) --------------------------------------------------------

class SomeUnused final : public BlobIndex {
 public:
  void ListUnusedBlobs(int64_t, int, std::function<void(Listed)> done) override { done(Listed()); }
  void ListBlobs(const std::string&, int, std::function<void(Listed)> done) override {
    done(Listed());
  }
  void ForgetBlob(const std::string&, int64_t,
                  std::function<void(absl::StatusOr<bool>)> done) override {
    done(false);
  }
  void MeasureUnusedBlobs(std::function<void(absl::StatusOr<BlobUsage>)> done) override {
    done(BlobUsage{.contents = 1, .bytes = 70});
  }
};

TEST_F(UploadsTest, ObjectsAreCountedAnewOnceTheyChangedAndATenthOfTheTimeAtMost) {
  testing::MemoryObjectStore store;
  SomeUnused index;
  int64_t uptime_ms = 0;
  int64_t changes = 0;
  StorageMeter meter({.store = store,
                      .index = index,
                      .uploads = uploads_,
                      .uptime_ms = [&] { return uptime_ms += 50; },  // so counting takes 50 ms
                      .changes = [&] { return changes; },
                      .add_files = [](StorageUsage& usage) { usage.unused_bytes += 5; }});
  const auto measure = [&] {
    StorageUsage got;
    meter.Measure([&](const absl::StatusOr<StorageUsage>& usage) { got = usage.value(); });
    return got;
  };
  store.objects.live["/a"] = {.name = "/a", .size_bytes = 10};
  ASSERT_TRUE(Start("ann").ok());
  EXPECT_EQ(measure().objects.bytes, 10);
  EXPECT_EQ(measure().unused_bytes, 75);
  EXPECT_EQ(measure().uploads.uploads, 1);
  store.objects.live["/b"] = {.name = "/b", .size_bytes = 20};
  uptime_ms += 10'000;
  EXPECT_EQ(measure().objects.bytes, 10) << "nothing says that they changed";
  ++changes;
  EXPECT_EQ(measure().objects.bytes, 30);
  store.objects.live.erase("/a");
  ++changes;
  EXPECT_EQ(measure().objects.bytes, 30) << "too soon";
  uptime_ms += 500;
  EXPECT_EQ(measure().objects.bytes, 20);
}

// Counts when it is let to.
class SlowStore final : public testing::MemoryObjectStore {
 public:
  void MeasureObjects(
      const Requester&, const std::string&, const std::string&, int,
      std::function<void(absl::StatusOr<std::pair<ObjectUsage, std::string>>)> done) override {
    counts.push_back(std::move(done));
  }
  void Answer(const absl::StatusOr<std::pair<ObjectUsage, std::string>>& counted) {
    std::exchange(counts, {}).at(0)(counted);
  }
  std::vector<std::function<void(absl::StatusOr<std::pair<ObjectUsage, std::string>>)>> counts;
};

TEST_F(UploadsTest, OneCountIsUnderWayAtATime) {
  SlowStore store;
  SomeUnused index;
  int64_t changes = 0;
  int64_t uptime_ms = 0;
  StorageMeter meter({.store = store,
                      .index = index,
                      .uploads = uploads_,
                      .uptime_ms = [&] { return uptime_ms += 1'000; },
                      .changes = [&] { return ++changes; },
                      .add_files = [](StorageUsage&) {}});
  std::vector<int64_t> got;  // -1: an error
  const auto measure = [&] {
    meter.Measure([&](const absl::StatusOr<StorageUsage>& usage) {
      got.push_back(usage.ok() ? usage->objects.bytes : -1);
    });
  };
  for (int i = 0; i < 3; ++i) measure();
  EXPECT_EQ(store.counts.size(), 1);
  EXPECT_TRUE(got.empty()) << "nothing is known yet";
  store.Answer(absl::UnavailableError("cannot be read"));
  EXPECT_EQ(std::exchange(got, {}), (std::vector<int64_t>{-1, -1, -1}));
  for (int i = 0; i < 2; ++i) measure();
  ASSERT_EQ(store.counts.size(), 1);
  store.Answer(std::pair(ObjectUsage{.bytes = 10}, std::string()));
  EXPECT_EQ(std::exchange(got, {}), (std::vector<int64_t>{10, 10}));
  uptime_ms += 1'000'000;
  for (int i = 0; i < 3; ++i) measure();
  EXPECT_EQ(store.counts.size(), 1);
  EXPECT_EQ(std::exchange(got, {}), (std::vector<int64_t>{10, 10})) << "as counted last";
  store.Answer(std::pair(ObjectUsage{.bytes = 20}, std::string()));
  EXPECT_EQ(got, std::vector<int64_t>{20});
}

}  // namespace
}  // namespace grpc_os::core
