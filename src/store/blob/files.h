// The files under blobs and uploads, behind an interface so that tests can lay a disk under it that
// loses what was not synced.
#ifndef GRPC_OS_STORE_BLOB_FILES_H_
#define GRPC_OS_STORE_BLOB_FILES_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace grpc_os::store {

// Errors: NOT_FOUND, RESOURCE_EXHAUSTED (the disk is full, or a quota), UNAVAILABLE (anything
// else), each with the path and the cause. A file that is open is used by one thread at a time, but
// for Sync.
class OpenFile {
 public:
  virtual ~OpenFile() = default;
  virtual absl::StatusOr<int64_t> Size() = 0;
  // All of `bytes`, or an error (some of them may be there then).
  virtual absl::Status WriteAt(int64_t offset, std::string_view bytes) = 0;
  // Less than `size` bytes at the end of the file alone.
  virtual absl::StatusOr<std::string> ReadAt(int64_t offset, int64_t size) = 0;
  virtual absl::Status Truncate(int64_t size) = 0;
  // Content and size of what was written before it was called are durable. After a failure nothing
  // is known of what was written since the last success: it has to be written again.
  virtual absl::Status Sync() = 0;
  // A hint that these bytes will be synced soon.
  virtual void BeginSync(int64_t /*offset*/, int64_t /*size*/) {}
};

// Paths count from a directory of its own. Thread-safe.
class Files {
 public:
  virtual ~Files() = default;
  enum class Mode { kRead, kWrite, kCreate };  // kCreate: it must not be there yet
  virtual absl::StatusOr<std::unique_ptr<OpenFile>> Open(const std::string& path, Mode mode) = 0;
  // One that is there is fine.
  virtual absl::Status MakeDirectory(const std::string& path) = 0;
  // Another name for the same file. `to` must not be there yet.
  virtual absl::Status Link(const std::string& from, const std::string& to) = 0;
  // Within a directory; takes the place of `to` at once.
  virtual absl::Status Rename(const std::string& from, const std::string& to) = 0;
  // OK if it is not there.
  virtual absl::Status Unlink(const std::string& path) = 0;
  // Which names lie in it, is durable.
  virtual absl::Status SyncDirectory(const std::string& path) = 0;
  struct Entry {
    std::string name;
    bool directory = false;
    int64_t size_bytes = 0;
    int64_t change_time_ms = 0;  // of its content
    int64_t links = 1;           // names of the same file
  };
  // RESOURCE_EXHAUSTED: with so many bytes more, less would be left than the daemon itself needs to
  // start and to go on.
  virtual absl::Status CheckSpace(int64_t /*bytes*/) { return absl::OkStatus(); }
  // In no order.
  virtual absl::StatusOr<std::vector<Entry>> List(const std::string& path) = 0;
};

// In `root`, which is there.
std::unique_ptr<Files> FilesIn(const std::string& root);

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_BLOB_FILES_H_
