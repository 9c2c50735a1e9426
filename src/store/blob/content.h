// The form of the file of a blob: the content as it is, then the CRC32C of each block of
// kBlobBlockBytes, little-endian, then a trailer: a mark, the content's size, and the CRC32C of all
// that comes after the content before it. So any range can be checked without reading the rest.
#ifndef GRPC_OS_STORE_BLOB_CONTENT_H_
#define GRPC_OS_STORE_BLOB_CONTENT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "base/limits.h"
#include "core/checksum.h"
#include "core/object/content_hash.h"

namespace grpc_os::store {

// A reader's message is a block, so that its checksum is known.
inline constexpr int64_t kBlobBlockBytes = limits::kStreamChunkBytes;

struct ContentHashes {
  const core::ContentHash& hash;
  const core::Checksum& checksum;
};

// A content as it grows.
class GrowingContent {
 public:
  explicit GrowingContent(const ContentHashes& hashes);
  void Add(std::string_view bytes);
  int64_t size() const { return size_; }
  uint32_t crc32c() const { return crc32c_; }
  std::string Sha256() const { return hash_->Sha256(); }
  // What comes after the content in its file.
  std::string Table() const;

 private:
  const core::Checksum& checksum_;
  std::unique_ptr<core::RunningHash> hash_;
  int64_t size_ = 0;
  uint32_t crc32c_ = 0;
  std::vector<uint32_t> blocks_;  // the last one may still grow
};

// Bytes of the table and trailer of a content of this size.
int64_t TableBytes(int64_t content_bytes);
// The checksums of a table as Table() made it. DATA_LOSS: it is not whole.
absl::StatusOr<std::vector<uint32_t>> ParseTable(std::string_view table, int64_t content_bytes,
                                                 const core::Checksum& checksum);

// Little-endian numbers.
void AppendNumber32(std::string& out, uint32_t value);
void AppendNumber64(std::string& out, uint64_t value);
uint32_t Number32At(std::string_view bytes, size_t at);
uint64_t Number64At(std::string_view bytes, size_t at);

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_BLOB_CONTENT_H_
