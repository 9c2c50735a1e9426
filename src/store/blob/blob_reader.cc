#include "store/blob/blob_reader.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/object/object_errors.h"
#include "core/object/upload_errors.h"
#include "store/blob/content.h"
#include "store/storage_error.h"

namespace grpc_os::store {

StoredBlobReader::StoredBlobReader(Parts parts, std::string path, core::Blobs::Range range)
    : parts_(std::move(parts)),
      path_(std::move(path)),
      range_(std::move(range)),
      at_(std::min(range_.offset, range_.size_bytes)),
      end_(range_.limit_bytes > 0 ? at_ + std::min(range_.limit_bytes, range_.size_bytes - at_)
                                  : range_.size_bytes) {}

void StoredBlobReader::Next(std::function<void(absl::StatusOr<Piece>)> done) {
  parts_.threads.Post([self = shared_from_this(), done = std::move(done)] {
    auto piece = self->Read();
    if (!piece.ok())
      return done(StorageError("the content cannot be read just now", piece.status()));
    done(std::move(piece));
  });
}

absl::Status StoredBlobReader::Damaged(const std::string& how) const {
  return core::ObjectDamaged(range_.name, range_.sha256, how);
}

// A missing file is damage only where something has the content still: else it was removed between
// the look at its object and the hold, and again in between it may have come back.
absl::StatusOr<std::unique_ptr<OpenFile>> StoredBlobReader::OpenIfNamed() {
  auto file = parts_.files.Open(path_, Files::Mode::kRead);
  if (!absl::IsNotFound(file.status())) return file;
  const auto named = parts_.is_named();
  if (!named.ok()) return named.status();
  if (!*named) return core::ObjectNotFound(range_.name);
  file = parts_.files.Open(path_, Files::Mode::kRead);
  if (absl::IsNotFound(file.status())) return Damaged("its file is missing");
  return file;
}

absl::Status StoredBlobReader::Open() {
  auto file = OpenIfNamed();
  if (!file.ok()) return file.status();
  const auto size = (*file)->Size();
  if (!size.ok()) return size.status();
  const int64_t table_bytes = TableBytes(range_.size_bytes);
  if (*size != range_.size_bytes + table_bytes)
    return Damaged(absl::StrCat("its file has ", *size, " bytes"));
  const auto table = (*file)->ReadAt(range_.size_bytes, table_bytes);
  if (!table.ok()) return table.status();
  auto sums = ParseTable(*table, range_.size_bytes, parts_.checksum);
  if (!sums.ok()) return Damaged(std::string(sums.status().message()));
  sums_ = *std::move(sums);
  file_ = *std::move(file);
  return absl::OkStatus();
}

// A whole block, because only that can be checked; then what is wanted of it.
absl::StatusOr<core::BlobReader::Piece> StoredBlobReader::Read() {
  if (file_ == nullptr) {
    if (auto status = Open(); !status.ok()) return status;
  }
  Piece piece;
  piece.offset = at_;
  if (at_ >= end_) return piece;
  const int64_t block = at_ / kBlobBlockBytes;
  const int64_t begin = block * kBlobBlockBytes;
  const int64_t size = std::min(kBlobBlockBytes, range_.size_bytes - begin);
  auto bytes = file_->ReadAt(begin, size);
  if (!bytes.ok()) return bytes.status();
  piece.crc32c = parts_.checksum.Of(*bytes);
  if (static_cast<int64_t>(bytes->size()) != size ||
      piece.crc32c != sums_[static_cast<size_t>(block)]) {
    return Damaged(absl::StrCat("bytes ", begin, " to ", begin + size));
  }
  const int64_t wanted = std::min(begin + size, end_) - at_;
  if (wanted == size) {
    piece.data = *std::move(bytes);
  } else {
    piece.data = bytes->substr(static_cast<size_t>(at_ - begin), static_cast<size_t>(wanted));
    piece.crc32c = parts_.checksum.Of(piece.data);
  }
  at_ += wanted;
  return piece;
}

}  // namespace grpc_os::store
