#include "store/blob/content.h"

#include <algorithm>

namespace grpc_os::store {
namespace {

constexpr std::string_view kMark = "gosblob1";
constexpr int64_t kTrailerBytes = 8 + 8 + 4;

int64_t BlocksOf(int64_t content_bytes) {
  return (content_bytes + kBlobBlockBytes - 1) / kBlobBlockBytes;
}

}  // namespace

void AppendNumber32(std::string& out, uint32_t value) {
  for (int shift = 0; shift < 32; shift += 8) out.push_back(static_cast<char>(value >> shift));
}
void AppendNumber64(std::string& out, uint64_t value) {
  for (int shift = 0; shift < 64; shift += 8) out.push_back(static_cast<char>(value >> shift));
}
uint32_t Number32At(std::string_view bytes, size_t at) {
  uint32_t value = 0;
  for (size_t i = 4; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}
uint64_t Number64At(std::string_view bytes, size_t at) {
  return uint64_t{Number32At(bytes, at + 4)} << 32 | Number32At(bytes, at);
}

GrowingContent::GrowingContent(const ContentHashes& hashes)
    : checksum_(hashes.checksum), hash_(hashes.hash.Begin()) {}

void GrowingContent::Add(std::string_view bytes) {
  hash_->Add(bytes);
  crc32c_ = checksum_.Extend(crc32c_, bytes);
  while (!bytes.empty()) {
    const int64_t filled = size_ % kBlobBlockBytes;
    if (filled == 0) blocks_.push_back(0);
    const auto part = bytes.substr(0, static_cast<size_t>(kBlobBlockBytes - filled));
    blocks_.back() = checksum_.Extend(blocks_.back(), part);
    size_ += static_cast<int64_t>(part.size());
    bytes.remove_prefix(part.size());
  }
}

std::string GrowingContent::Table() const {
  std::string table;
  for (const uint32_t block : blocks_) AppendNumber32(table, block);
  table.append(kMark);
  AppendNumber64(table, static_cast<uint64_t>(size_));
  AppendNumber32(table, checksum_.Of(table));
  return table;
}

int64_t TableBytes(int64_t content_bytes) { return BlocksOf(content_bytes) * 4 + kTrailerBytes; }

absl::StatusOr<std::vector<uint32_t>> ParseTable(std::string_view table, int64_t content_bytes,
                                                 const core::Checksum& checksum) {
  const auto blocks = static_cast<size_t>(BlocksOf(content_bytes));
  const size_t size = table.size();
  if (static_cast<int64_t>(size) != TableBytes(content_bytes) ||
      table.substr(blocks * 4, kMark.size()) != kMark ||
      Number64At(table, size - 12) != static_cast<uint64_t>(content_bytes) ||
      Number32At(table, size - 4) != checksum.Of(table.substr(0, size - 4))) {
    return absl::DataLossError("its table of checksums is not whole");
  }
  std::vector<uint32_t> sums(blocks);
  for (size_t i = 0; i < blocks; ++i) sums[i] = Number32At(table, i * 4);
  return sums;
}

}  // namespace grpc_os::store
