#include "shell/commands/upload.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "base/id.h"
#include "base/limits.h"
#include "client/crc32c.h"
#include "client/errors.h"
#include "shell/commands/progress.h"
#include "shell/commands/retry_policy.h"
#include "shell/escape.h"
#include "shell/quantity.h"

namespace grpc_os::shell {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kPieceBytes = size_t{1} << 20;
static_assert(kPieceBytes <= limits::kUploadChunkBytes);
// One stream ends after so much, so that what is durable is known now and then.
constexpr int64_t kStreamBytes = int64_t{256} << 20;
// How often the answer to FinishUpload is asked for again.
constexpr int kFinishAttempts = 6;

class Uploader {
 public:
  // What `upload` has already is the beginning of the source.
  Uploader(Session& session, UploadSource& source, Progress& progress, const v1::Upload& upload)
      : session_(session),
        client_(session.client()),
        source_(source),
        progress_(progress),
        retry_(session),
        upload_id_(upload.upload_id()),
        confirmed_(upload.persisted_bytes()),
        crc_(upload.crc32c()) {}

  absl::Status SendAll() {
    retry_.Progress();
    while (true) {
      const auto ready = source_.Prepare(confirmed_);
      if (!ready.ok()) return ready.status();
      if (*ready == 0) return source_.CheckUnchanged();
      if (absl::Status status = SendSome(std::min(*ready, kStreamBytes)); !status.ok()) {
        return status;
      }
      if (session_.interrupted()) return absl::CancelledError("Interrupted.");
    }
  }

  absl::StatusOr<v1::Object> Finish() {
    v1::FinishUploadRequest request;
    request.set_upload_id(upload_id_);
    request.set_size_bytes(confirmed_);
    request.set_crc32c(crc_);
    for (int attempt = 1;; ++attempt) {
      auto object = client_.FinishUpload(request);
      const bool slow = absl::IsDeadlineExceeded(object.status());
      if (object.ok() || attempt == kFinishAttempts ||
          !(slow || retry_.MayTryAgain(object.status()))) {
        return object;
      }
    }
  }

 private:
  // One stream of up to `most` bytes from where the durable ones end.
  absl::Status SendSome(int64_t most) {
    const auto end = Clock::now() + client_.timeout() / 2;
    int64_t at = confirmed_;
    uint32_t crc = crc_;
    absl::Status read;
    const auto next = [&](v1::WriteUploadRequest& piece) {
      if (at - confirmed_ >= most || Clock::now() >= end || session_.interrupted()) return false;
      auto data = source_.Read(
          at, static_cast<size_t>(std::min<int64_t>(kPieceBytes, most - (at - confirmed_))));
      if (!data.ok()) {
        read = data.status();
        return false;
      }
      piece.set_upload_id(upload_id_);
      piece.set_offset(at);
      crc = client::ExtendCrc32c(crc, *data);
      at += static_cast<int64_t>(data->size());
      piece.set_data(*std::move(data));
      progress_.At(at);
      return true;
    };
    auto upload = client_.WriteUpload(next);
    if (!read.ok()) return read;
    if (upload.ok()) {
      if (upload->persisted_bytes() <= confirmed_) {
        return absl::InternalError("The daemon took pieces of the upload and kept none of them.");
      }
      if (upload->persisted_bytes() == at) return Confirm(at, crc);
    } else {
      upload = WhereToGoOn(upload.status());
      if (!upload.ok()) return upload.status();
    }
    return ConfirmUpTo(upload->persisted_bytes());
  }

  // After a stream that failed: what is durable, once the daemon says it again.
  absl::StatusOr<v1::Upload> WhereToGoOn(absl::Status failure) {
    const bool slow = absl::IsDeadlineExceeded(failure);
    const bool elsewhere = client::ReasonOf(failure) == "UPLOAD_OFFSET";
    if (!slow && !elsewhere && !retry_.MayTryAgain(failure)) return failure;
    while (true) {
      auto upload = client_.GetUpload(upload_id_);
      if (upload.ok()) {
        // Nothing came through in all that time.
        if ((slow || elsewhere) && upload->persisted_bytes() <= confirmed_) return failure;
        return upload;
      }
      if (!retry_.MayTryAgain(upload.status())) return upload.status();
    }
  }

  // The same as Confirm, of an offset in the middle of what was sent.
  absl::Status ConfirmUpTo(int64_t offset) {
    uint32_t crc = crc_;
    if (offset < confirmed_) {
      return absl::DataLossError("The daemon has lost a part of the upload that it had kept.");
    }
    for (int64_t at = confirmed_; at < offset;) {
      const auto data =
          source_.Read(at, static_cast<size_t>(std::min<int64_t>(kPieceBytes, offset - at)));
      if (!data.ok()) return data.status();
      if (data->empty()) return absl::DataLossError("More was uploaded than was sent.");
      crc = client::ExtendCrc32c(crc, *data);
      at += static_cast<int64_t>(data->size());
    }
    return Confirm(offset, crc);
  }

  absl::Status Confirm(int64_t offset, uint32_t crc) {
    if (offset > confirmed_) retry_.Progress();
    confirmed_ = offset;
    crc_ = crc;
    progress_.At(offset);
    return absl::OkStatus();
  }

  Session& session_;
  client::Client& client_;
  UploadSource& source_;
  Progress& progress_;
  RetryPolicy retry_;
  const std::string upload_id_;
  int64_t confirmed_;  // durable
  uint32_t crc_;       // of that
};

// Whatever ends the program: no longer than this for what it leaves behind.
constexpr std::chrono::milliseconds kGiveUp{5000};

// Nobody will go on with it. If the daemon cannot be told so, it is forgotten with its time, or
// gives way.
void GiveUp(Session& session, const std::function<void(client::Client&)>& cancel) {
  client::Client& client = session.client();
  const auto timeout = client.timeout();
  client.set_timeout(std::min(timeout, kGiveUp));
  // After an interrupt the client makes no calls any more, until it is told to.
  if (session.interrupted()) client.BeginCommand();
  cancel(client);
  client.set_timeout(timeout);
}

void GiveUp(Session& session, const std::string& upload_id) {
  GiveUp(session, [&](client::Client& client) { (void)client.CancelUpload(upload_id); });
}

// The upload that an earlier run has begun, if it is there still. What it has begun of another
// content of the file goes, unless it is at it.
absl::StatusOr<std::optional<v1::Upload>> Earlier(Session& session, const UploadNote* note) {
  if (note == nullptr) return std::nullopt;
  if (const auto other = note->ReadOther()) {
    const auto upload = session.client().GetUpload(*other);
    if (upload.ok() && !upload->finished() && !upload->busy()) GiveUp(session, *other);
  }
  const auto id = note->Read();
  if (!id) return std::nullopt;
  auto upload = session.client().GetUpload(*id);
  const std::string reason = client::ReasonOf(upload.status());
  if (reason == "UPLOAD_NOT_FOUND" || reason == "UPLOAD_SUPERSEDED") return std::nullopt;
  if (!upload.ok()) return upload.status();
  return *std::move(upload);
}

// Under a request_id, by which one is known that was begun and never answered.
absl::StatusOr<v1::Upload> Begin(Session& session, v1::StartUploadRequest request) {
  request.set_request_id(RandomHex128());
  auto started = session.client().StartUpload(request);
  if (absl::IsCancelled(started.status()) || absl::IsDeadlineExceeded(started.status())) {
    GiveUp(session, [&](client::Client& client) {
      if (const auto begun = client.StartUpload(request); begun.ok())
        (void)client.CancelUpload(begun->upload_id());
    });
  }
  return started;
}

// Whether the bytes that the daemon has are those with which the source begins.
bool IsBeginning(UploadSource& source, const v1::Upload& upload) {
  if (upload.finished() || !source.size() || *source.size() < upload.persisted_bytes()) {
    return false;
  }
  uint32_t crc = 0;
  for (int64_t at = 0; at < upload.persisted_bytes();) {
    const auto data = source.Read(
        at, static_cast<size_t>(std::min<int64_t>(kPieceBytes, upload.persisted_bytes() - at)));
    if (!data.ok() || data->empty()) return false;
    crc = client::ExtendCrc32c(crc, *data);
    at += static_cast<int64_t>(data->size());
  }
  return crc == upload.crc32c();
}

absl::Status WithLimit(const absl::Status& status) {
  if (!absl::IsUnimplemented(status)) return status;
  return absl::UnimplementedError(absl::StrCat("This daemon takes contents of at most ",
                                               limits::kObjectInlineBytes,
                                               " bytes: it has no uploads."));
}

}  // namespace

absl::StatusOr<v1::Object> Upload(Session& session, const v1::StartUploadRequest& request,
                                  UploadSource& source, const UploadNote* note,
                                  const std::string& what) {
  const auto& finish_first = session.console().finish_first;
  const std::shared_ptr<void> first = finish_first ? finish_first() : nullptr;
  auto earlier = Earlier(session, note);
  if (!earlier.ok()) return earlier.status();
  std::optional<v1::Upload> upload = *std::move(earlier);
  if (upload && !IsBeginning(source, *upload)) {
    if (!upload->finished() && !upload->busy()) GiveUp(session, upload->upload_id());
    upload.reset();
  }
  if (!upload) {
    auto started = Begin(session, request);
    if (!started.ok()) return WithLimit(started.status());
    upload = *std::move(started);
    if (note != nullptr && !note->Write(upload->upload_id()).ok()) note = nullptr;
  } else if (upload->persisted_bytes() > 0) {
    SayGoingOn(session, what, upload->persisted_bytes());
  }
  Progress progress(session, what, source.size(), upload->persisted_bytes());
  Uploader uploader(session, source, progress, *upload);
  const absl::Status status = uploader.SendAll();
  absl::StatusOr<v1::Object> object =
      status.ok() ? uploader.Finish() : absl::StatusOr<v1::Object>(status);
  // What can be resumed keeps its note; what cannot is given up.
  const bool can_go_on =
      note != nullptr &&
      (absl::IsUnavailable(object.status()) || absl::IsCancelled(object.status()) ||
       absl::IsDeadlineExceeded(object.status()) || absl::IsUnauthenticated(object.status()) ||
       absl::IsResourceExhausted(object.status()));
  // Another run is at it, from the same note.
  const bool of_another = client::ReasonOf(object.status()) == "UPLOAD_BUSY";
  if (note != nullptr && !can_go_on && !of_another) note->Remove();
  if (can_go_on && !object.ok()) {
    progress.Clear();
    SayThatItGoesOn(session, what,
                    absl::StrCat("; `", session.Typed("uploads"), "` lists it until then"));
  }
  if (!object.ok() && !can_go_on && !of_another) GiveUp(session, upload->upload_id());
  return object;
}

}  // namespace grpc_os::shell
