#include "shell/commands/object_content.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "client/crc32c.h"
#include "shell/commands/retry_policy.h"

namespace grpc_os::shell {
namespace {

class ContentReader {
 public:
  ContentReader(Session& session, v1::ReadObjectRequest request, Daemon daemon, uint32_t crc32c,
                const std::function<absl::Status(std::string_view)>& sink)
      : session_(session),
        retry_(session),
        request_(std::move(request)),
        crc32c_(crc32c),
        sink_(sink) {
    if (daemon == Daemon::kAnswered) retry_.Progress();
  }

  absl::StatusOr<v1::Object> Run() {
    absl::Status status;
    do {
      progress_ = false;
      status = session_.client().ReadObject(
          request_, [&](const v1::ReadObjectResponse& message) { return Take(message); });
      if (!refused_.ok()) return refused_;
    } while (!IsWhole() && MayGoOn(status));
    if (session_.interrupted()) return absl::CancelledError("Interrupted.");
    if (!status.ok() && !IsWhole()) return status;
    if (!object_) return absl::InternalError("The daemon sent an object without saying which.");
    return Checked();
  }

 private:
  bool Take(const v1::ReadObjectResponse& message) {
    progress_ = true;
    retry_.Progress();
    if (!object_) {
      object_ = message.object();
      // Whatever it becomes meanwhile; objects of the system have no versions.
      request_.set_generation(object_->generation());
    }
    if (!message.data().empty()) {
      if (message.offset() != request_.offset()) {
        refused_ =
            absl::InternalError(absl::StrCat("The daemon sent what lies at ", message.offset(),
                                             " instead of ", request_.offset(), "."));
        return false;
      }
      refused_ = sink_(message.data());
      crc32c_ = client::ExtendCrc32c(crc32c_, message.data());
      request_.set_offset(request_.offset() + static_cast<int64_t>(message.data().size()));
    }
    return refused_.ok() && !session_.interrupted();
  }

  bool IsWhole() const {
    return object_ && object_->generation() != 0 && request_.offset() >= object_->size_bytes();
  }

  bool MayGoOn(const absl::Status& status) {
    // One of the system has no generation in which it could be read on.
    if (object_ && object_->generation() == 0) return false;
    if (session_.interrupted()) return false;
    return (absl::IsDeadlineExceeded(status) && progress_) || retry_.MayTryAgain(status);
  }

  absl::StatusOr<v1::Object> Checked() const {
    if (object_->generation() == 0) return *object_;
    if (request_.offset() != object_->size_bytes()) {
      return absl::DataLossError(absl::StrCat(object_->name(), " has ", object_->size_bytes(),
                                              " bytes, and ", request_.offset(), " came."));
    }
    if (crc32c_ != object_->crc32c()) {
      return absl::DataLossError(absl::StrCat("What came of ", object_->name(),
                                              " has another checksum than was stored with it."));
    }
    return *object_;
  }

  Session& session_;
  RetryPolicy retry_;
  v1::ReadObjectRequest request_;
  uint32_t crc32c_;
  const std::function<absl::Status(std::string_view)>& sink_;
  std::optional<v1::Object> object_;
  absl::Status refused_;
  bool progress_ = false;
};

}  // namespace

absl::StatusOr<v1::Object> ReadContent(Session& session, v1::ReadObjectRequest request,
                                       Daemon daemon, uint32_t crc32c,
                                       const std::function<absl::Status(std::string_view)>& sink) {
  return ContentReader(session, std::move(request), daemon, crc32c, sink).Run();
}

}  // namespace grpc_os::shell
