// What is recorded of an upload: records one after another, each with its checksum; the first is
// the target, the last whole one tells the state. A record that is torn, or whatever comes after
// the last whole one, was never acknowledged.
#ifndef GRPC_OS_STORE_BLOB_UPLOAD_JOURNAL_H_
#define GRPC_OS_STORE_BLOB_UPLOAD_JOURNAL_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/checksum.h"
#include "core/object/upload.h"
#include "store/blob/files.h"

namespace grpc_os::store {

// One per upload, used by one thread at a time.
class UploadJournal {
 public:
  struct Record {
    core::UploadState state;
    std::string sha256;  // 32 bytes, once sealed
  };
  // Both leave a journal to go on with. `path` is durable but for its directory's entry.
  static absl::StatusOr<std::unique_ptr<UploadJournal>> Create(Files& files,
                                                               const std::string& path,
                                                               const core::UploadTarget& target,
                                                               const core::Checksum& checksum);
  // DATA_LOSS: there is no whole target in it: it was never acknowledged, or is damaged.
  struct Opened;
  static absl::StatusOr<Opened> Open(Files& files, const std::string& path,
                                     const core::Checksum& checksum);

  // Durable when it returns OK. Not OK: the record before counts, and the same can be tried again.
  absl::Status Append(const Record& record);
  // Durably nothing lies behind the last record that was appended.
  absl::Status Rewind();

 private:
  UploadJournal(std::unique_ptr<OpenFile> file, const core::Checksum& checksum, int64_t end)
      : file_(std::move(file)), checksum_(checksum), end_(end) {}
  absl::Status AppendPayload(std::string_view payload);

  const std::unique_ptr<OpenFile> file_;
  const core::Checksum& checksum_;
  int64_t end_;  // of the last whole record
};

struct UploadJournal::Opened {
  std::unique_ptr<UploadJournal> journal;
  core::UploadTarget target;
  Record last;
};

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_BLOB_UPLOAD_JOURNAL_H_
