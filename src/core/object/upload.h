// Uploads: contents that come in pieces, over several connections where need be.
#ifndef GRPC_OS_CORE_OBJECT_UPLOAD_H_
#define GRPC_OS_CORE_OBJECT_UPLOAD_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/object/objects.h"

namespace grpc_os::core {

// What was asked for; never changes.
struct UploadTarget {
  std::string id;
  std::string user;
  PutObject object;  // without its content
  // Whoever goes on with it may write here: the name that its object had when it was begun.
  std::string path = {};
  std::optional<int64_t> size_bytes = {};  // of the whole content
  std::string request_id = {};             // of StartUpload, and the digest of that request
  std::string request_digest = {};
  int64_t create_time_ms = 0;
};

// What is durable of it.
struct UploadState {
  int64_t persisted_bytes = 0;
  uint32_t crc32c = 0;  // of these
  int64_t write_time_ms = 0;
  bool sealed = false;  // all bytes are there and measured; no more are taken

  bool operator==(const UploadState&) const = default;
};

// Where the bytes of one upload lie. Thread-safe: what is asked for is carried out in its order,
// and `done` comes once, on a thread of its own. A failure changes nothing that was durable; the
// same can be tried again.
class UploadFile {
 public:
  struct Piece {
    int64_t offset = 0;
    std::string data = {};
    uint32_t crc32c = 0;  // of `data`, as the client says
  };
  virtual ~UploadFile() = default;

  virtual UploadState State() const = 0;
  // `done`: the next piece may come; that is late where the disk is slow. The piece is not durable
  // by then. Pieces follow each other (PlanPiece).
  virtual void Write(Piece piece, std::function<void(absl::Status)> done) = 0;
  // All that was written is durable and recorded.
  virtual void Persist(std::function<void(absl::StatusOr<UploadState>)> done) = 0;
  // Of what was written; without the data.
  virtual void Measure(std::function<void(absl::StatusOr<ObjectContent>)> done) = 0;
  // After a Persist: lays the content where objects may name it. `hold` keeps it from being
  // collected until a row names it.
  struct Sealed {
    ObjectContent content = {};
    std::shared_ptr<void> hold = nullptr;
    // After the hold, once it is certain that no row came of this: its file can go. Empty: none.
    std::function<void()> let_go = {};
  };
  virtual void Seal(std::function<void(absl::StatusOr<Sealed>)> done) = 0;
  // Forgets the upload and its bytes; what was sealed stays where objects may name it.
  virtual void Remove(std::function<void(absl::Status)> done) = 0;
  // The same, but that it gave way stays known until ForgetSuperseded.
  virtual void Supersede(std::function<void(absl::Status)> done) = 0;
};

// The port to all of them. Thread-safe.
class UploadFiles {
 public:
  virtual ~UploadFiles() = default;
  // Durable once `done` is told.
  virtual void Create(const UploadTarget& target,
                      std::function<void(absl::StatusOr<std::shared_ptr<UploadFile>>)> done) = 0;
  struct Stored {
    UploadTarget target;
    std::shared_ptr<UploadFile> file;
  };
  struct Loaded {
    std::vector<Stored> uploads = {};
    std::vector<UploadTarget> superseded = {};
  };
  // Those that were created and not removed. At the start, by one thread.
  virtual absl::StatusOr<Loaded> LoadUploads() = 0;
  virtual void ForgetSuperseded(const std::string& id) = 0;
};

// How a piece meets what is there: so many bytes at its beginning have to be those that were
// written, the rest is new.
struct PiecePlan {
  int64_t repeated_bytes = 0;
  int64_t new_bytes = 0;
};
// OUT_OF_RANGE (UPLOAD_OFFSET): it lies beyond what was written, or the content gets longer than
// was announced. INVALID_ARGUMENT (FIELD_INVALID): a negative offset, an empty or too large piece.
// RESOURCE_EXHAUSTED (LIMIT_REACHED): over limits::kObjectBytes.
absl::StatusOr<PiecePlan> PlanPiece(const UploadTarget& target, int64_t written_bytes,
                                    int64_t persisted_bytes, int64_t offset, int64_t piece_bytes);

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_OBJECT_UPLOAD_H_
