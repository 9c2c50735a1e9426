// Reads contents and tells which are no longer what was written.
#ifndef GRPC_OS_CORE_OBJECT_CONTENT_CHECK_H_
#define GRPC_OS_CORE_OBJECT_CONTENT_CHECK_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/checksum.h"
#include "core/object/blobs.h"
#include "core/object/content_hash.h"
#include "core/object/content_index.h"

namespace grpc_os::core {

// One way through all contents below a prefix, versions too. For one caller of Next at a time; its
// ports outlive what is under way.
class ContentCheck final : public std::enable_shared_from_this<ContentCheck> {
 public:
  struct Parts {
    ContentIndex& index;
    Blobs& blobs;
    const ContentHash& hash;
    const Checksum& checksum;
    Requester by = {};
  };
  struct Damage {
    Object object;  // without data
    std::string how;
  };
  struct Progress {
    std::vector<Damage> damaged;  // found by this step
    int64_t contents = 0;         // checked so far, and their bytes
    int64_t bytes = 0;
    bool done = false;
  };
  static std::shared_ptr<ContentCheck> Make(Parts parts, std::string prefix);

  // Checks some more: up to the next page of objects, or some 100 MiB of large ones. `done` comes
  // once, on a thread of the store or of Blobs. The error is of the storage.
  void Next(std::function<void(absl::StatusOr<Progress>)> done);

 private:
  using Done = std::function<void(absl::StatusOr<Progress>)>;
  ContentCheck(Parts parts, std::string prefix);
  void ReadPage();
  void Continue();
  void ReadBlob();
  void OnPiece(const absl::StatusOr<BlobReader::Piece>& piece);
  std::string Compare(const RunningHash& hash, uint32_t crc32c) const;
  void Checked(const std::string& how);
  void Answer(const absl::Status& status);
  const Object& object() const { return page_.objects[at_]; }

  const Parts parts_;
  const std::string prefix_;
  Done done_;
  Progress progress_;
  int64_t step_bytes_ = 0;
  ContentPage page_;
  bool begun_ = false;
  size_t at_ = 0;  // in page_
  // Of the blob that is being read.
  std::shared_ptr<BlobReader> reader_;
  std::unique_ptr<RunningHash> hash_;
  uint32_t crc32c_ = 0;
  // Blobs that were read already, for other objects that have them, and what was wrong with each.
  std::map<std::string, std::string> known_;
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_OBJECT_CONTENT_CHECK_H_
