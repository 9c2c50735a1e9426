#include "core/object/content_check.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/error_detail.h"

namespace grpc_os::core {
namespace {

constexpr int kPage = 64;  // small ones are in memory together
constexpr int64_t kStepBytes = int64_t{100} << 20;
constexpr size_t kKnownBlobs = 100'000;  // more are read again

std::string FoundInstead(const absl::Status& damaged) {
  const auto detail = DetailOf(damaged);
  if (!detail.has_value()) return std::string(damaged.message());
  const auto found = detail->metadata.find("found");
  return found == detail->metadata.end() ? std::string(damaged.message()) : found->second;
}

}  // namespace

std::shared_ptr<ContentCheck> ContentCheck::Make(Parts parts, std::string prefix) {
  return std::shared_ptr<ContentCheck>(new ContentCheck(std::move(parts), std::move(prefix)));
}

ContentCheck::ContentCheck(Parts parts, std::string prefix)
    : parts_(std::move(parts)), prefix_(std::move(prefix)) {}

void ContentCheck::Next(Done done) {
  done_ = std::move(done);
  step_bytes_ = 0;
  progress_.damaged.clear();
  if (reader_ != nullptr) return ReadBlob();
  if (at_ < page_.objects.size()) return Continue();
  if (begun_ && page_.next.empty()) {
    progress_.done = true;
    return Answer(absl::OkStatus());
  }
  ReadPage();
}

void ContentCheck::ReadPage() {
  parts_.index.ListContents(parts_.by, prefix_, page_.next, kPage,
                            [self = shared_from_this()](absl::StatusOr<ContentPage> page) {
                              if (!page.ok()) return self->Answer(page.status());
                              self->begun_ = true;
                              self->page_ = *std::move(page);
                              self->at_ = 0;
                              self->Continue();
                            });
}

// Up to the end of the page, or to a blob that is to be read.
void ContentCheck::Continue() {
  while (at_ < page_.objects.size()) {
    const Object& one = object();
    if (!one.blob) {
      const auto hash = parts_.hash.Begin();
      hash->Add(one.data);
      Checked(static_cast<int64_t>(one.data.size()) == one.size_bytes
                  ? Compare(*hash, parts_.checksum.Of(one.data))
                  : absl::StrCat("it has ", one.data.size(), " bytes"));
    } else if (const auto known = known_.find(one.sha256); known != known_.end()) {
      Checked(known->second);
    } else {
      if (step_bytes_ >= kStepBytes) return Answer(absl::OkStatus());
      reader_ = parts_.blobs.ReadBlob(
          {.name = one.name, .sha256 = one.sha256, .size_bytes = one.size_bytes});
      hash_ = parts_.hash.Begin();
      crc32c_ = 0;
      return ReadBlob();
    }
  }
  progress_.done = page_.next.empty();
  Answer(absl::OkStatus());
}

void ContentCheck::ReadBlob() {
  reader_->Next([self = shared_from_this()](const absl::StatusOr<BlobReader::Piece>& piece) {
    self->OnPiece(piece);
  });
}

void ContentCheck::OnPiece(const absl::StatusOr<BlobReader::Piece>& piece) {
  if (!piece.ok() && !absl::IsDataLoss(piece.status()) && !absl::IsNotFound(piece.status()))
    return Answer(piece.status());
  if (piece.ok() && !piece->data.empty()) {
    hash_->Add(piece->data);
    crc32c_ = parts_.checksum.Extend(crc32c_, piece->data);
    step_bytes_ += static_cast<int64_t>(piece->data.size());
    return step_bytes_ < kStepBytes ? ReadBlob() : Answer(absl::OkStatus());
  }
  reader_ = nullptr;
  if (absl::IsNotFound(piece.status())) {  // it was removed since the page was read
    ++at_;
    return Continue();
  }
  std::string how = piece.ok() ? Compare(*hash_, crc32c_) : FoundInstead(piece.status());
  if (known_.size() < kKnownBlobs) known_[object().sha256] = how;
  Checked(how);
  Continue();
}

// What is wrong; empty: nothing.
std::string ContentCheck::Compare(const RunningHash& hash, uint32_t crc32c) const {
  if (crc32c != object().crc32c) return "its CRC32C is another one";
  if (hash.Sha256() != object().sha256) return "its SHA-256 is another one";
  return "";
}

void ContentCheck::Checked(const std::string& how) {
  Object& one = page_.objects[at_++];
  one.data.clear();
  ++progress_.contents;
  progress_.bytes += one.size_bytes;
  if (!how.empty()) progress_.damaged.push_back({.object = std::move(one), .how = how});
}

void ContentCheck::Answer(const absl::Status& status) {
  const Done done = std::exchange(done_, nullptr);
  if (!status.ok()) return done(status);
  Progress told = progress_;
  done(std::move(told));
}

}  // namespace grpc_os::core
