// The port to what the store knows of contents that are files.
#ifndef GRPC_OS_CORE_OBJECT_BLOB_INDEX_H_
#define GRPC_OS_CORE_OBJECT_BLOB_INDEX_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace grpc_os::core {

struct BlobEntry {
  std::string sha256 = {};  // 32 bytes
  int64_t size_bytes = 0;
  int64_t refs = 0;  // live objects and versions that have it
  // Since when nothing has it; 0: something has.
  int64_t unused_since_ms = 0;

  bool operator==(const BlobEntry&) const = default;
};

struct BlobUsage {
  int64_t contents = 0;
  int64_t bytes = 0;

  bool operator==(const BlobUsage&) const = default;
};

// Thread-safe. A content is known from the first commit of an object that has it until it is
// forgotten. Each `done` comes once, on a thread of the store.
class BlobIndex {
 public:
  virtual ~BlobIndex() = default;

  using Listed = absl::StatusOr<std::vector<BlobEntry>>;
  // Those that nothing has had since `unused_since_ms` or before, the oldest first.
  virtual void ListUnusedBlobs(int64_t unused_since_ms, int limit,
                               std::function<void(Listed)> done) = 0;
  // All, in the order of their sha256, from the first after `after` on.
  virtual void ListBlobs(const std::string& after, int limit, std::function<void(Listed)> done) = 0;
  // Forgets one that nothing has had since then. False: it is in use again, or not known. True: it
  // is forgotten durably, and unless something is about to commit it again, its file can go.
  virtual void ForgetBlob(const std::string& sha256, int64_t unused_since_ms,
                          std::function<void(absl::StatusOr<bool>)> done) = 0;
  // Those that nothing has.
  virtual void MeasureUnusedBlobs(std::function<void(absl::StatusOr<BlobUsage>)> done) = 0;
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_OBJECT_BLOB_INDEX_H_
