#include "services/upload_stream.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/error_detail.h"
#include "base/limits.h"
#include "core/error_reason.h"
#include "core/object/object_errors.h"
#include "core/violations.h"
#include "services/convert/time_convert.h"
#include "services/object_access.h"

namespace grpc_os::services {
namespace {

constexpr int kPiecesInFlight = 2;  // besides the one that is being read

absl::Status WrongId(const char* how) {
  core::Violations violations;
  violations.Add("upload_id", how);
  return violations.ToStatus();
}

absl::Status Idle() {
  return MakeError(
      absl::StatusCode::kDeadlineExceeded,
      absl::StrCat("no piece came for ", limits::kUploadStreamIdleMs / 1000,
                   " s; ask GetUpload where to go on, and write the rest in another stream"),
      {.reason = core::reason::kDeadlinePassed});
}

}  // namespace

v1::Upload ToProto(const core::Upload& upload) {
  v1::Upload out;
  out.set_upload_id(upload.id);
  out.set_name(upload.name);
  out.set_persisted_bytes(upload.state.persisted_bytes);
  out.set_crc32c(upload.state.crc32c);
  SetTimeMs(upload.expire_time_ms, out.mutable_expire_time());
  out.set_finished(upload.finished);
  out.set_owner(upload.owner);
  if (upload.create_time_ms != 0) SetTimeMs(upload.create_time_ms, out.mutable_create_time());
  if (upload.state.write_time_ms != 0)
    SetTimeMs(upload.state.write_time_ms, out.mutable_update_time());
  out.set_busy(upload.busy);
  return out;
}

void UploadStream::Start(const std::shared_ptr<WriteCall>& call, core::Uploads& uploads) {
  std::shared_ptr<UploadStream> stream(new UploadStream(call, uploads));
  stream->state_.Lock()->heard_ms = call->environment().clock.NowMs();
  const bool heard = call->SetConsumer(
      {.on_message =
           [stream](v1::WriteUploadRequest message) { stream->OnMessage(std::move(message)); },
       .on_half_closed =
           [stream] {
             {
               auto state = stream->state_.Lock();
               state->reading = false;
               state->half_closed = true;
               if (state->upload_id.empty())
                 state->failure = WrongId("the first message names the upload");
             }
             stream->Advance();
           },
       // What was written becomes durable, and another stream can go on.
       .on_gone =
           [stream] {
             const Writer writer = std::exchange(stream->state_.Lock()->writer, nullptr);
           },
       .on_tick = [stream](int64_t now_ms) { stream->OnTick(now_ms); }});
  if (heard) call->Read();
}

void UploadStream::OnMessage(v1::WriteUploadRequest message) {
  Writer writer;
  {
    auto state = state_.Lock();
    state->heard_ms = call_->environment().clock.NowMs();
    writer = state->writer;
  }
  if (writer == nullptr) {
    if (absl::Status status = Open(message.upload_id()); !status.ok()) return Fail(status);
  }
  {
    auto state = state_.Lock();
    writer = state->writer;
    if (!message.upload_id().empty() && message.upload_id() != state->upload_id)
      state->failure =
          WrongId("one stream writes one upload: leave it out after the first message");
    if (state->failure.has_value() || message.data().empty()) writer = nullptr;
    if (writer != nullptr) ++state->in_flight;
  }
  if (writer == nullptr) return Taken();
  core::UploadFile::Piece piece;
  piece.offset = message.offset();
  piece.crc32c = message.crc32c();
  piece.data = std::move(*message.mutable_data());
  writer->Write(std::move(piece), [self = shared_from_this()](const absl::Status& status) {
    {
      auto state = self->state_.Lock();
      --state->in_flight;
      // The first of several counts: the others follow from it.
      if (!status.ok() && !state->failure.has_value()) state->failure = status;
    }
    self->Advance();
  });
  Taken();
}

void UploadStream::Taken() {
  state_.Lock()->reading = false;
  Advance();
}

absl::Status UploadStream::Open(const std::string& upload_id) {
  if (upload_id.empty()) return WrongId("the first message names the upload");
  call_->SetResource(upload_id);  // for a refusal
  auto writer = uploads_.BeginWrite(
      upload_id, {.user = call_->caller().user, .access = CurrentAccessOf(*call_)});
  if (!writer.ok()) return writer.status();
  call_->SetResource((*writer)->path());
  auto state = state_.Lock();
  state->writer = *std::move(writer);
  state->upload_id = upload_id;
  return absl::OkStatus();
}

absl::Status UploadStream::CheckAccess(const core::Uploads::Writer& writer) {
  if (absl::Status status = writer.Check(); !status.ok()) return status;
  if (CurrentAccessOf(*call_)(core::ObjectVerb::kWrite, writer.path())) return absl::OkStatus();
  return core::NameForbidden(core::ObjectVerb::kWrite, writer.path());
}

void UploadStream::OnTick(int64_t now_ms) {
  Writer writer;
  bool idle = false;
  {
    auto state = state_.Lock();
    writer = state->writer;
    idle = state->reading && state->in_flight == 0 &&
           now_ms - state->heard_ms >= limits::kUploadStreamIdleMs;
  }
  if (idle) return Fail(Idle());
  if (writer == nullptr) return;
  if (absl::Status status = CheckAccess(*writer); !status.ok()) Fail(status);
}

void UploadStream::Fail(const absl::Status& status) {
  {
    auto state = state_.Lock();
    if (!state->failure.has_value()) state->failure = status;
  }
  Advance();
}

void UploadStream::Advance() {
  Writer ended;
  std::optional<absl::Status> failure;
  {
    auto state = state_.Lock();
    if (state->ending) return;
    const bool end = state->failure.has_value() || state->half_closed;
    if (!end && !state->reading && state->in_flight < kPiecesInFlight) {
      state->reading = true;
      state.lock().unlock();
      return call_->Read();
    }
    if (!end || state->in_flight > 0) return;
    state->ending = true;
    ended = std::exchange(state->writer, nullptr);
    failure = state->failure;
  }
  Close(ended, failure);
}

// Answered once another stream can go on, so that a client that tries again at once can.
void UploadStream::Close(const Writer& writer, const std::optional<absl::Status>& failure) {
  if (writer == nullptr) return call_->End(failure.value_or(absl::CancelledError("it has ended")));
  writer->Close([call = call_, failure](const absl::StatusOr<core::Upload>& upload) {
    if (failure.has_value()) return call->End(*failure);
    if (!upload.ok()) return call->End(upload.status());
    call->Answer(ToProto(*upload));
  });
}

}  // namespace grpc_os::services
