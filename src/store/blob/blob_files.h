// Contents over limits::kObjectInlineBytes and the uploads that they come from, in the data
// directory: blobs/ab/cd/<sha256> (content.h) and uploads/ (stored_upload.h).
#ifndef GRPC_OS_STORE_BLOB_BLOB_FILES_H_
#define GRPC_OS_STORE_BLOB_BLOB_FILES_H_

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/guarded.h"
#include "core/object/blob_index.h"
#include "core/object/blobs.h"
#include "core/object/upload.h"
#include "core/scheduler.h"
#include "store/blob/content.h"
#include "store/blob/files.h"
#include "store/blob/io_threads.h"
#include "store/blob/stored_upload.h"

namespace grpc_os::store {

// Thread-safe. What it handed out goes before it.
class BlobFiles final : public core::Blobs, public core::UploadFiles, private BlobPlace {
 public:
  struct Parts {
    std::unique_ptr<Files> files;
    const ContentHashes hashes;
    const core::Clock& clock;
    core::BlobIndex& index;
    StoredUpload::Pace pace = {};
    // How long a write that finds the disk full waits for a collection that is under way.
    std::chrono::milliseconds room_wait = std::chrono::seconds(2);
  };
  // Makes the directories. What the parts refer to outlives it.
  static absl::StatusOr<std::unique_ptr<BlobFiles>> Open(Parts parts);
  // Waits for what is under way.
  ~BlobFiles() override;

  std::shared_ptr<core::BlobReader> ReadBlob(const Range& range) override;
  void Create(const core::UploadTarget& target,
              std::function<void(absl::StatusOr<std::shared_ptr<core::UploadFile>>)> done) override;
  absl::StatusOr<Loaded> LoadUploads() override;
  void ForgetSuperseded(const std::string& id) override;

  struct Collected {
    int64_t removed = 0;  // files
    int64_t in_use = 0;   // contents that nothing names and that go once nobody reads them
  };
  // Removes the files of contents that nothing in the index has, but for those that are read or
  // about to be named; and strays: files of before `strays_before_ms` that the index does not know
  // (0: none), and where the disk is nearly full those of any age.
  void Collect(int64_t strays_before_ms, std::function<void(absl::StatusOr<Collected>)> done);
  // Whether there are files of puts that were refused; the next collection removes them.
  bool AnyLetGo() const;
  // Of the strays that were too young when they were looked at last.
  int64_t stray_bytes() const { return stray_bytes_.load(); }

  static std::string PathOf(const std::string& sha256);  // 32 bytes

 private:
  // Contents that are in use.
  struct Holds {
    std::multiset<std::string> held;  // about to be named
    std::set<std::string> touched;    // held at some time since a collection asked the index
    std::multiset<std::string> read;
    std::set<std::string> let_go;  // laid, and not named by whoever held it
    std::set<std::string> made;    // directories that are durable

    bool MayBeNamed(const std::string& sha256) const {
      return held.contains(sha256) || touched.contains(sha256);
    }
  };

  explicit BlobFiles(Parts parts);
  absl::StatusOr<std::shared_ptr<void>> Lay(const std::string& path,
                                            const std::string& sha256) override;
  void LetGo(const std::string& sha256) override;
  void MakeRoom() override;
  bool HasRoom() const;
  absl::Status MakeDurableDirectory(const std::string& path, const std::string& parent);
  std::shared_ptr<void> Hold(const std::string& sha256);
  std::shared_ptr<void> HoldForReading(const std::string& sha256);
  // How often it is named; nullopt: it is not known.
  absl::StatusOr<std::optional<int64_t>> RefsOf(const std::string& sha256);
  void BeginCollection();
  bool InUse(const std::string& sha256) const;
  // False: it is, or may be, about to be named.
  absl::StatusOr<bool> UnlinkUnlessHeld(const std::string& sha256, const std::string& path);
  // A removal that is one of a collection's: whoever waits for room looks again.
  void TellRemoved();
  // All of these while this is the one collection under way.
  absl::StatusOr<Collected> CollectNow(int64_t strays_before_ms);
  absl::Status CollectUnused(Collected& collected);
  absl::Status CollectLetGo(Collected& collected);
  absl::StatusOr<bool> RemoveLetGo(const std::string& sha256, Collected& collected);
  absl::Status CollectStrays(int64_t before_ms, Collected& collected);
  // In blobs/ab; the bytes of those that stay.
  absl::StatusOr<int64_t> CollectStraysIn(const std::string& directory, int64_t before_ms,
                                          Collected& collected);
  bool TimeToLookUnderPressure();
  StoredUpload::Parts UploadParts();
  absl::StatusOr<std::shared_ptr<core::UploadFile>> CreateNow(const core::UploadTarget& target);

  const Parts parts_;
  Files* const files_;
  const std::shared_ptr<Guarded<Holds>> holds_ = std::make_shared<Guarded<Holds>>();
  std::mutex collection_;
  std::condition_variable collected_;          // something was removed, or the collection is over
  bool collecting_ = false;                    // under collection_: one at a time
  std::optional<int64_t> pressure_looked_ms_;  // of the one that collects
  std::atomic<int64_t> stray_bytes_{0};
  IoThreads threads_;  // last: they end first
};

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_BLOB_BLOB_FILES_H_
