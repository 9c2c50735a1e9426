// One client's pieces: from a ReaderCall into an upload, at the pace of the disk.
#ifndef GRPC_OS_SERVICES_UPLOAD_STREAM_H_
#define GRPC_OS_SERVICES_UPLOAD_STREAM_H_

#include <cstdint>
#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "base/guarded.h"
#include "core/object/uploads.h"
#include "grpc_os/v1/filesystem_services.pb.h"
#include "services/reader_call.h"

namespace grpc_os::services {

v1::Upload ToProto(const core::Upload& upload);

// Lives as long as the call or the upload refers to it. Thread-safe.
class UploadStream final : public std::enable_shared_from_this<UploadStream> {
 public:
  using WriteCall = ReaderCall<v1::WriteUploadRequest, v1::Upload>;
  static void Start(const std::shared_ptr<WriteCall>& call, core::Uploads& uploads);

 private:
  using Writer = std::shared_ptr<core::Uploads::Writer>;
  struct State {
    Writer writer;          // from the first message until it is closed
    std::string upload_id;  // from the first message on
    int in_flight = 0;      // pieces that are being written
    bool reading = true;
    bool half_closed = false;
    bool ending = false;
    std::optional<absl::Status> failure;
    int64_t heard_ms = 0;
  };
  UploadStream(std::shared_ptr<WriteCall> call, core::Uploads& uploads)
      : call_(std::move(call)), uploads_(uploads) {}

  void OnMessage(v1::WriteUploadRequest message);
  void OnTick(int64_t now_ms);
  absl::Status Open(const std::string& upload_id);
  // Whether it may go on, now.
  absl::Status CheckAccess(const core::Uploads::Writer& writer);
  void Fail(const absl::Status& status);
  // The message that came was handed on. Only then is the next one asked for: a write that ends
  // meanwhile must not let it overtake this one.
  void Taken();
  // What is to be done next: read on, or, once nothing is in flight, end.
  void Advance();
  void Close(const Writer& writer, const std::optional<absl::Status>& failure);

  const std::shared_ptr<WriteCall> call_;
  core::Uploads& uploads_;
  Guarded<State> state_;
};

}  // namespace grpc_os::services

#endif  // GRPC_OS_SERVICES_UPLOAD_STREAM_H_
