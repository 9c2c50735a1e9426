#include "services/object_stream.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/limits.h"
#include "core/object/object_errors.h"
#include "services/object_access.h"

namespace grpc_os::services {
namespace {

class InlineReader final : public core::BlobReader {
 public:
  InlineReader(std::string data, int64_t offset, int64_t end, const core::Checksum& checksum)
      : data_(std::move(data)), end_(end), checksum_(checksum), position_(offset) {}

  void Next(std::function<void(absl::StatusOr<Piece>)> done) override {
    Piece piece;
    piece.offset = position_;
    const int64_t size = std::min(limits::kStreamChunkBytes, end_ - position_);
    piece.data = data_.substr(static_cast<size_t>(position_), static_cast<size_t>(size));
    piece.crc32c = checksum_.Of(piece.data);
    position_ += size;
    done(std::move(piece));
  }

 private:
  const std::string data_;
  const int64_t end_;
  const core::Checksum& checksum_;
  int64_t position_;
};

}  // namespace

absl::StatusOr<int64_t> ReadFrom(int64_t offset, int64_t size_bytes) {
  if (offset > size_bytes) return core::OffsetOutOfRange(offset, size_bytes);
  return offset < 0 ? std::max(int64_t{0}, size_bytes + offset) : offset;
}

std::shared_ptr<core::BlobReader> ReadInline(std::string data, int64_t offset, int64_t limit_bytes,
                                             const core::Checksum& checksum) {
  const auto size = static_cast<int64_t>(data.size());
  const int64_t end = limit_bytes == 0 ? size : offset + std::min(limit_bytes, size - offset);
  return std::make_shared<InlineReader>(std::move(data), offset, end, checksum);
}

void ObjectStream::Start(const std::shared_ptr<ReadCall>& call, v1::ReadObjectResponse first,
                         std::shared_ptr<core::BlobReader> reader) {
  std::shared_ptr<ObjectStream> stream(new ObjectStream(call, std::move(reader)));
  v1::ReadObjectResponse initial;
  initial.set_offset(first.offset());
  stream->name_ = first.object().name();
  stream->state_.Lock()->next = std::move(first);
  const bool heard = call->SetProducer(
      {.on_ready =
           [stream] {
             stream->state_.Lock()->sending = false;
             stream->Advance();
           },
       .on_gone = [stream] { stream->state_.Lock()->gone = true; },
       .heartbeat =
           [](const v1::ReadObjectResponse& last) {
             v1::ReadObjectResponse beat;
             beat.set_offset(last.offset() + static_cast<int64_t>(last.data().size()));
             return beat;
           }},
      std::move(initial));
  if (heard) stream->Advance();
}

void ObjectStream::Advance() {
  std::optional<v1::ReadObjectResponse> message;
  std::optional<absl::Status> end;
  bool read = false;
  {
    auto state = state_.Lock();
    if (state->gone) return;
    if (!state->sending && state->ready.has_value()) {
      message = std::exchange(state->ready, std::nullopt);
      state->sending = true;
    } else if (!state->sending && state->end.has_value()) {
      end = state->end;
      state->gone = true;
    }
    read = !state->reading && !state->ready.has_value() && !state->end.has_value();
    if (read) state->reading = true;
  }
  if (message.has_value()) {
    if (absl::Status status = CheckAccess(); !status.ok()) return call_->End(status);
    call_->Send(*std::move(message));
  }
  if (end.has_value()) call_->End(*end);
  if (read) {
    reader_->Next([self = shared_from_this()](absl::StatusOr<Piece> piece) {
      self->OnPiece(std::move(piece));
    });
  }
}

absl::Status ObjectStream::CheckAccess() {
  const bool logged_in = !call_->caller().session_id.empty();
  if (!logged_in || CurrentAccessOf(*call_)(core::ObjectVerb::kRead, name_))
    return absl::OkStatus();
  return core::NameForbidden(core::ObjectVerb::kRead, name_);
}

void ObjectStream::OnPiece(absl::StatusOr<Piece> piece) {
  {
    auto state = state_.Lock();
    state->reading = false;
    const bool empty = !piece.ok() || piece->data.empty();
    if (empty) state->end = piece.status();
    if (piece.ok() && (!empty || state->first)) {  // the object is told of an empty content too
      state->next.set_offset(piece->offset);
      state->next.set_crc32c(piece->crc32c);
      state->next.set_data(std::move(piece->data));
      state->ready = std::exchange(state->next, {});
    }
    state->first = false;
  }
  Advance();
}

}  // namespace grpc_os::services
