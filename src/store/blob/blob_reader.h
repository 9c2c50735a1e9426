// Reads a blob, block by block, and checks each.
#ifndef GRPC_OS_STORE_BLOB_BLOB_READER_H_
#define GRPC_OS_STORE_BLOB_BLOB_READER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/checksum.h"
#include "core/object/blobs.h"
#include "store/blob/files.h"
#include "store/blob/io_threads.h"

namespace grpc_os::store {

class StoredBlobReader final : public core::BlobReader,
                               public std::enable_shared_from_this<StoredBlobReader> {
 public:
  struct Parts {
    Files& files;
    IoThreads& threads;
    const core::Checksum& checksum;
    std::shared_ptr<void> hold;                      // keeps the file from being collected
    std::function<absl::StatusOr<bool>()> is_named;  // whether anything has the content still
  };
  StoredBlobReader(Parts parts, std::string path, core::Blobs::Range range);
  void Next(std::function<void(absl::StatusOr<Piece>)> done) override;

 private:
  absl::StatusOr<Piece> Read();
  absl::Status Open();
  absl::StatusOr<std::unique_ptr<OpenFile>> OpenIfNamed();
  absl::Status Damaged(const std::string& how) const;

  const Parts parts_;
  const std::string path_;
  const core::Blobs::Range range_;
  // Used by one call of Next at a time.
  std::unique_ptr<OpenFile> file_;
  std::vector<uint32_t> sums_;
  int64_t at_;
  int64_t end_;
};

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_BLOB_BLOB_READER_H_
