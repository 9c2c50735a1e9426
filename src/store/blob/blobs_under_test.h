// For tests: objects with large contents and their uploads, all of it as in the daemon, over a disk
// and a database of the test's.
#ifndef GRPC_OS_STORE_BLOB_BLOBS_UNDER_TEST_H_
#define GRPC_OS_STORE_BLOB_BLOBS_UNDER_TEST_H_

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "core/checksum.h"
#include "core/object/content_hash.h"
#include "core/object/objects.h"
#include "core/object/uploads.h"
#include "core/request/requests.h"
#include "core/scheduler.h"
#include "store/blob/blob_files.h"
#include "store/store.h"

namespace grpc_os::store {

// CRC32C, by a table.
class TestChecksum final : public core::Checksum {
 public:
  uint32_t Extend(uint32_t crc, std::string_view data) const override {
    static const std::array<uint32_t, 256> table = [] {
      std::array<uint32_t, 256> made{};
      for (uint32_t byte = 0; byte < 256; ++byte) {
        uint32_t value = byte;
        for (int bit = 0; bit < 8; ++bit)
          value = (value & 1) != 0 ? value >> 1 ^ 0x82f63b78 : value >> 1;
        made[byte] = value;
      }
      return made;
    }();
    crc = ~crc;
    for (const char byte : data)
      crc = table[(crc ^ static_cast<unsigned char>(byte)) & 0xff] ^ crc >> 8;
    return ~crc;
  }
};

// 32 bytes that tell contents apart, of whatever pieces they came in. Not SHA-256, which is the
// host's.
class TestHash final : public core::ContentHash {
 public:
  std::unique_ptr<core::RunningHash> Begin() const override { return std::make_unique<Running>(); }
  static std::string Of(std::string_view bytes) {
    Running running;
    running.Add(bytes);
    return running.Sha256();
  }

 private:
  class Running final : public core::RunningHash {
   public:
    void Add(std::string_view bytes) override {
      for (const char byte : bytes) {
        state_ = (state_ ^ static_cast<unsigned char>(byte)) * 0x100000001b3;
        ++size_;
      }
    }
    std::string Sha256() const override {
      std::string out;
      uint64_t value = state_ ^ size_ << 32;
      for (int word = 0; word < 4; ++word) {
        value += 0x9e3779b97f4a7c15;
        uint64_t mixed = (value ^ value >> 30) * 0xbf58476d1ce4e5b9;
        mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
        mixed ^= mixed >> 31;
        for (int shift = 0; shift < 64; shift += 8)
          out.push_back(static_cast<char>(mixed >> shift));
      }
      return out;
    }

   private:
    uint64_t state_ = 0xcbf29ce484222325;
    uint64_t size_ = 0;
  };
};

class TestClock final : public core::Clock {
 public:
  int64_t NowMs() const override { return now_ms; }
  std::atomic<int64_t> now_ms{1'000'000};
};

// Of `size` bytes, the same for the same number.
inline std::string ContentNumber(uint64_t number, size_t size) {
  std::string bytes(size, '\0');
  uint64_t state = number * 2 + 1;
  for (char& byte : bytes) {
    state = state * 6364136223846793005 + 1442695040888963407;
    byte = static_cast<char>(state >> 56);
  }
  return bytes;
}

template <typename Result>
Result Await(const std::function<void(std::function<void(Result)>)>& ask) {
  auto promise = std::make_shared<std::promise<Result>>();
  ask([promise](Result result) { promise->set_value(std::move(result)); });
  return promise->get_future().get();
}

// The index of a store, or what a test puts in between.
class IndexUnderTest final : public core::BlobIndex {
 public:
  explicit IndexUnderTest(core::BlobIndex& index) : to_(&index) {}
  void SetTo(core::BlobIndex& index) { to_ = &index; }

  void ListUnusedBlobs(int64_t since_ms, int limit, std::function<void(Listed)> done) override {
    to_.load()->ListUnusedBlobs(since_ms, limit, std::move(done));
  }
  void ListBlobs(const std::string& after, int limit, std::function<void(Listed)> done) override {
    to_.load()->ListBlobs(after, limit, std::move(done));
  }
  void ForgetBlob(const std::string& sha256, int64_t since_ms,
                  std::function<void(absl::StatusOr<bool>)> done) override {
    to_.load()->ForgetBlob(sha256, since_ms, std::move(done));
  }
  void MeasureUnusedBlobs(std::function<void(absl::StatusOr<core::BlobUsage>)> done) override {
    to_.load()->MeasureUnusedBlobs(std::move(done));
  }

 private:
  std::atomic<core::BlobIndex*> to_;
};

// One run of the daemon's parts. Each method waits for its answer.
class BlobsUnderTest {
 public:
  static absl::StatusOr<std::unique_ptr<BlobsUnderTest>> Open(std::unique_ptr<Files> files,
                                                              std::unique_ptr<Database> database,
                                                              TestClock& clock) {
    StoreOptions options;
    options.now_ms = [&clock] { return clock.NowMs(); };
    auto store = Store::Open(std::move(database), options);
    if (!store.ok()) return store.status();
    static const TestChecksum checksum;
    static const TestHash hash;
    auto index = std::make_unique<IndexUnderTest>(**store);
    auto blobs = BlobFiles::Open({.files = std::move(files),
                                  .hashes = {hash, checksum},
                                  .clock = clock,
                                  .index = *index,
                                  .pace = {.sync_bytes = 128 << 10, .unsynced_bytes = 384 << 10},
                                  .room_wait = std::chrono::milliseconds(50)});
    if (!blobs.ok()) return blobs.status();
    std::unique_ptr<BlobsUnderTest> made(
        new BlobsUnderTest(*std::move(store), std::move(index), *std::move(blobs), clock));
    if (auto status = made->uploads_->Load(); !status.ok()) return status;
    return made;
  }

  ~BlobsUnderTest() {
    uploads_.reset();
    blobs_.reset();
    requests_.reset();
    store_.reset();
  }

  Store& store() { return *store_; }
  IndexUnderTest& index() { return *index_; }
  BlobFiles& blobs() { return *blobs_; }
  core::Uploads& uploads() { return *uploads_; }

  static core::Uploads::By Ada() { return {.user = "ada", .access = Any()}; }
  absl::StatusOr<core::Upload> Start(const std::string& name,
                                     std::optional<int64_t> size = std::nullopt,
                                     core::Preconditions preconditions = {}) {
    core::UploadTarget target;
    target.object.name = name;
    target.object.preconditions = preconditions;
    target.size_bytes = size;
    return Await<absl::StatusOr<core::Upload>>(
        [&](auto done) { uploads_->Start(target, Ada(), nullptr, std::move(done)); });
  }
  // From `offset` to `end` of `content`, in pieces; then what is durable.
  absl::StatusOr<core::Upload> Write(const std::string& id, std::string_view content,
                                     int64_t offset, int64_t end, int64_t piece_bytes) {
    auto writer = uploads_->BeginWrite(id, Ada());
    if (!writer.ok()) return writer.status();
    for (int64_t at = offset; at < end; at += piece_bytes) {
      core::UploadFile::Piece piece;
      piece.offset = at;
      piece.data = content.substr(static_cast<size_t>(at),
                                  static_cast<size_t>(std::min(piece_bytes, end - at)));
      piece.crc32c = TestChecksum().Of(piece.data);
      auto status = Await<absl::Status>(
          [&](auto done) { (*writer)->Write(std::move(piece), std::move(done)); });
      if (status.ok()) continue;
      (void)Await<absl::StatusOr<core::Upload>>(
          [&](auto done) { (*writer)->Close(std::move(done)); });
      return status;
    }
    return Await<absl::StatusOr<core::Upload>>(
        [&](auto done) { (*writer)->Close(std::move(done)); });
  }
  absl::StatusOr<core::Upload> Get(const std::string& id) {
    return Await<absl::StatusOr<core::Upload>>(
        [&](auto done) { uploads_->Get(id, Ada(), std::move(done)); });
  }
  absl::Status Cancel(const std::string& id) {
    return Await<absl::Status>([&](auto done) { uploads_->Cancel(id, Ada(), std::move(done)); });
  }
  absl::StatusOr<core::Object> Finish(const std::string& id,
                                      core::UploadExpectation expected = {}) {
    return Await<absl::StatusOr<core::Object>>([&](auto done) {
      uploads_->Finish(id, std::move(expected), Caller("FinishUpload"), std::move(done));
    });
  }
  // All of it.
  absl::StatusOr<core::Object> Upload(const std::string& name, std::string_view content) {
    const auto started = Start(name, static_cast<int64_t>(content.size()));
    if (!started.ok()) return started.status();
    const auto written =
        Write(started->id, content, 0, static_cast<int64_t>(content.size()), 100'000);
    if (!written.ok()) return written.status();
    return Finish(started->id);
  }
  absl::StatusOr<core::Objects::Batch> Delete(const std::string& name, bool purge) {
    return Await<absl::StatusOr<core::Objects::Batch>>([&](auto done) {
      objects_->Delete({.name = name, .purge = purge}, Caller("DeleteObject"), std::move(done));
    });
  }
  absl::StatusOr<core::Object> Find(const std::string& name, int64_t generation = 0) {
    return Await<absl::StatusOr<core::Object>>(
        [&](auto done) { objects_->Get(name, generation, true, {}, Any(), std::move(done)); });
  }
  std::vector<core::Object> Versions(const std::string& name) {
    auto page = Await<absl::StatusOr<core::ObjectPage>>(
        [&](auto done) { objects_->ListVersions(name, {}, 1000, Any(), std::move(done)); });
    return page.ok() ? page->objects : std::vector<core::Object>();
  }
  // The content of a live object or version, whole and checked against its hash.
  absl::StatusOr<std::string> Content(const core::Object& object) {
    std::string content = object.data;
    if (object.blob) {
      const auto reader = blobs_->ReadBlob(
          {.name = object.name, .sha256 = object.sha256, .size_bytes = object.size_bytes});
      for (;;) {
        auto piece = Await<absl::StatusOr<core::BlobReader::Piece>>(
            [&](auto done) { reader->Next(std::move(done)); });
        if (!piece.ok()) return piece.status();
        if (piece->data.empty()) break;
        content += piece->data;
      }
    }
    if (TestHash::Of(content) != object.sha256) return absl::DataLossError("another content");
    return content;
  }
  absl::StatusOr<std::string> ContentOf(const std::string& name) {
    const auto object = Find(name);
    return object.ok() ? Content(*object) : object.status();
  }
  // What nothing names, and strays of before then.
  absl::StatusOr<BlobFiles::Collected> Collect(int64_t strays_before_ms) {
    return Await<absl::StatusOr<BlobFiles::Collected>>(
        [&](auto done) { blobs_->Collect(strays_before_ms, std::move(done)); });
  }
  absl::StatusOr<core::BlobUsage> MeasureUnused() {
    return Await<absl::StatusOr<core::BlobUsage>>(
        [&](auto done) { store_->MeasureUnusedBlobs(std::move(done)); });
  }
  core::Objects::By Caller(const std::string& method) {
    core::Objects::By by;
    by.origin.record.user = "ada";
    by.origin.record.method = method;
    by.origin.record.time_ms = clock_.NowMs();
    by.access = Any();
    return by;
  }
  // From now on, for what is finished; it may call `put` itself, later.
  void SetOnPut(std::function<void(std::function<void()> put)> on_put) {
    on_put_ = std::move(on_put);
  }

 private:
  BlobsUnderTest(std::unique_ptr<Store> store, std::unique_ptr<IndexUnderTest> index,
                 std::unique_ptr<BlobFiles> blobs, TestClock& clock)
      : clock_(clock),
        store_(std::move(store)),
        index_(std::move(index)),
        blobs_(std::move(blobs)),
        objects_(std::make_unique<core::Objects>(*store_, clock)),
        requests_(std::make_unique<core::Requests>(*store_)),
        uploads_(std::make_unique<core::Uploads>(core::Uploads::Parts{
            .files = *blobs_,
            .requests = *requests_,
            .committed = *store_,
            .clock = clock,
            .put =
                [this](core::PutObject put, core::Objects::By by, core::Objects::Done done) {
                  auto work = [this, put = std::move(put), by = std::move(by),
                               done = std::move(done)] { objects_->Put(put, by, done); };
                  on_put_ ? on_put_(std::move(work)) : work();
                },
            .get =
                [this](const std::string& id, const core::ObjectAccess& access,
                       core::Objects::Done done) {
                  objects_->Get(id, 0, false, {}, access, std::move(done));
                }})) {}
  static core::ObjectAccess Any() {
    return [](core::ObjectVerb, std::string_view) { return true; };
  }

  TestClock& clock_;
  std::function<void(std::function<void()>)> on_put_;
  // In the order of the daemon: uploads end first, then files, then the store.
  std::unique_ptr<Store> store_;
  std::unique_ptr<IndexUnderTest> index_;
  std::unique_ptr<BlobFiles> blobs_;
  std::unique_ptr<core::Objects> objects_;
  std::unique_ptr<core::Requests> requests_;
  std::unique_ptr<core::Uploads> uploads_;
};

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_BLOB_BLOBS_UNDER_TEST_H_
