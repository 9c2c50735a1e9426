// Contents over limits::kObjectInlineBytes: immutable files, each named after its SHA-256.
#ifndef GRPC_OS_CORE_OBJECT_BLOBS_H_
#define GRPC_OS_CORE_OBJECT_BLOBS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace grpc_os::core {

// One reader's way through a blob or a part of it. Thread-safe; asked for nothing once the Blobs
// that it came from are gone.
class BlobReader {
 public:
  struct Piece {
    int64_t offset = 0;  // in the whole content
    std::string data = {};
    uint32_t crc32c = 0;  // of `data`
  };
  virtual ~BlobReader() = default;
  // The next piece, of at most limits::kStreamChunkBytes, checked against what was written; without
  // data: that was all. One at a time; `done` comes on a thread of its own. DATA_LOSS
  // (OBJECT_DAMAGED): the bytes, or the whole file, are not what was written. NOT_FOUND: nothing
  // has the content any more, it was removed before it was held.
  virtual void Next(std::function<void(absl::StatusOr<Piece>)> done) = 0;
};

// The port to these files. Thread-safe.
class Blobs {
 public:
  struct Range {
    std::string name;    // of the object, for messages
    std::string sha256;  // 32 bytes
    int64_t size_bytes = 0;
    int64_t offset = 0;       // 0 to size_bytes
    int64_t limit_bytes = 0;  // 0: to the end
  };
  virtual ~Blobs() = default;
  virtual std::shared_ptr<BlobReader> ReadBlob(const Range& range) = 0;
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_OBJECT_BLOBS_H_
