// Contents over limits::kObjectInlineBytes and the uploads that they come from, in the data
// directory: blobs/ab/cd/<sha256> (content.h) and uploads/ (stored_upload.h).
#ifndef GRPC_OS_STORE_BLOB_BLOB_FILES_H_
#define GRPC_OS_STORE_BLOB_BLOB_FILES_H_

#include <cstdint>
#include <functional>
#include <memory>
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
  // Makes the directories. `hashes` and `clock` outlive it.
  static absl::StatusOr<std::unique_ptr<BlobFiles>> Open(std::unique_ptr<Files> files,
                                                         const ContentHashes& hashes,
                                                         const core::Clock& clock,
                                                         StoredUpload::Pace pace = {});
  // Waits for what is under way.
  ~BlobFiles() override;

  std::shared_ptr<core::BlobReader> ReadBlob(const Range& range) override;
  void Create(const core::UploadTarget& target,
              std::function<void(absl::StatusOr<std::shared_ptr<core::UploadFile>>)> done) override;
  absl::StatusOr<std::vector<Stored>> LoadUploads() override;

  // Removes the files of contents that nothing in `index` has had since `before_ms`, and files
  // older than that which it does not know. `done`: how many files went. One at a time; `index`
  // answers until it is done.
  void Collect(core::BlobIndex& index, int64_t before_ms,
               std::function<void(absl::StatusOr<int64_t>)> done);

  static std::string PathOf(const std::string& sha256);  // 32 bytes

 private:
  // Contents that are about to be named.
  struct Holds {
    std::multiset<std::string> held;
    std::set<std::string> touched;  // held at some time since a collection asked the index
    std::set<std::string> made;     // directories that are durable
  };

  BlobFiles(std::unique_ptr<Files> files, const ContentHashes& hashes, const core::Clock& clock,
            StoredUpload::Pace pace);
  absl::StatusOr<std::shared_ptr<void>> Lay(const std::string& path,
                                            const std::string& sha256) override;
  absl::Status MakeDurableDirectory(const std::string& path, const std::string& parent);
  std::shared_ptr<void> Hold(const std::string& sha256);
  void BeginCollection();
  // False: it is, or may be, about to be named.
  absl::StatusOr<bool> UnlinkUnlessHeld(const std::string& sha256, const std::string& path);
  absl::StatusOr<int64_t> CollectUnused(core::BlobIndex& index, int64_t before_ms);
  absl::StatusOr<int64_t> CollectUnknown(core::BlobIndex& index, const std::string& directory,
                                         int64_t before_ms);
  absl::StatusOr<int64_t> CollectNow(core::BlobIndex& index, int64_t before_ms);
  StoredUpload::Parts UploadParts();
  absl::StatusOr<std::shared_ptr<core::UploadFile>> CreateNow(const core::UploadTarget& target);

  const std::unique_ptr<Files> files_;
  const ContentHashes hashes_;
  const core::Clock& clock_;
  const StoredUpload::Pace pace_;
  const std::shared_ptr<Guarded<Holds>> holds_ = std::make_shared<Guarded<Holds>>();
  IoThreads threads_;  // last: they end first
};

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_BLOB_BLOB_FILES_H_
