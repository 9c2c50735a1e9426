// One upload on the disk: uploads/<id>.data, the bytes (once sealed, with the table of content.h),
// and uploads/<id>.journal, what is acknowledged of them. Of one that gave way the journal stays as
// uploads/<id>.superseded.
#ifndef GRPC_OS_STORE_BLOB_STORED_UPLOAD_H_
#define GRPC_OS_STORE_BLOB_STORED_UPLOAD_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "core/object/upload.h"
#include "core/scheduler.h"
#include "store/blob/content.h"
#include "store/blob/files.h"
#include "store/blob/io_threads.h"
#include "store/blob/upload_journal.h"

namespace grpc_os::store {

// Lays sealed files among the blobs; used on I/O threads.
class BlobPlace {
 public:
  virtual ~BlobPlace() = default;
  // Durable under its name when it returns; kept from being collected for as long as the pointer
  // lives.
  virtual absl::StatusOr<std::shared_ptr<void>> Lay(const std::string& path,
                                                    const std::string& sha256) = 0;
  // Nothing came to name it by that, and nothing will: it can go, unless something else names it.
  virtual void LetGo(const std::string& sha256) = 0;
  // Removes what nothing names: the disk is full.
  virtual void MakeRoom() = 0;
  // `write`, and where the disk is full, once more after MakeRoom.
  absl::Status WithRoom(const std::function<absl::Status()>& write) {
    if (absl::Status status = write(); !absl::IsResourceExhausted(status)) return status;
    MakeRoom();
    return write();
  }
};

// Bytes are hashed and written on a strand; what was written is synced meanwhile on another thread.
class StoredUpload final : public core::UploadFile,
                           public std::enable_shared_from_this<StoredUpload> {
 public:
  // How far writing may run ahead of the disk.
  struct Pace {
    int64_t sync_bytes = int64_t{16} << 20;      // written, then a sync begins
    int64_t unsynced_bytes = int64_t{48} << 20;  // then the client waits for the disk
  };
  struct Parts {
    Files& files;
    IoThreads& threads;
    BlobPlace& place;
    ContentHashes hashes;
    const core::Clock& clock;
    Pace pace = {};
  };
  StoredUpload(const Parts& parts, core::UploadTarget target,
               std::unique_ptr<UploadJournal> journal, UploadJournal::Record last);

  static std::string DataPath(const std::string& id) { return "uploads/" + id + ".data"; }
  static std::string JournalPath(const std::string& id) { return "uploads/" + id + ".journal"; }
  static std::string SupersededPath(const std::string& id) {
    return "uploads/" + id + ".superseded";
  }

  // Before anything else, of one that a daemon before this one had: what lies behind its durable
  // part takes no room. A failure matters little, the next write looks again.
  void TrimToDurable();

  core::UploadState State() const override;
  void Write(Piece piece, std::function<void(absl::Status)> done) override;
  void Persist(std::function<void(absl::StatusOr<core::UploadState>)> done) override;
  void Measure(std::function<void(absl::StatusOr<core::ObjectContent>)> done) override;
  void Seal(std::function<void(absl::StatusOr<Sealed>)> done) override;
  void Remove(std::function<void(absl::Status)> done) override;
  void Supersede(std::function<void(absl::Status)> done) override;

 private:
  // All of these on the strand.
  absl::Status Ready();
  absl::Status Reread();
  absl::Status TakePiece(const Piece& piece);
  absl::Status CompareRepeated(const Piece& piece, int64_t repeated_bytes);
  void BeginSync();
  void Synced(const core::UploadState& snapshot, const absl::Status& status);
  absl::Status Record(const core::UploadState& snapshot);
  void TellSynced(const absl::Status& status);
  absl::StatusOr<core::ObjectContent> MeasureNow();
  absl::StatusOr<Sealed> SealNow();
  absl::Status CloseContent(const core::ObjectContent& content);
  absl::Status RewindTo(OpenFile& data, int64_t size);
  absl::Status RemoveNow();
  absl::Status SupersedeNow();
  int64_t written() const { return content_->size(); }

  const Parts parts_;
  const core::UploadTarget target_;
  Strand strand_;
  mutable Guarded<core::UploadState> state_;  // what is durable

  // Of the strand.
  std::unique_ptr<UploadJournal> journal_;
  std::string sha256_;                       // once sealed
  std::shared_ptr<OpenFile> data_;           // null: to be opened
  std::unique_ptr<GrowingContent> content_;  // with data_, of all that was written
  int64_t write_time_ms_;
  int64_t hinted_bytes_ = 0;  // the kernel was told to begin with
  int64_t syncing_bytes_ = 0;
  bool syncing_ = false;
  absl::Status failure_;  // of a sync that nobody waited for: the next caller hears of it
  std::vector<std::function<void(absl::Status)>> held_;  // writes until the sync under way is done
  std::vector<std::function<void(absl::StatusOr<core::UploadState>)>> persists_;
};

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_BLOB_STORED_UPLOAD_H_
