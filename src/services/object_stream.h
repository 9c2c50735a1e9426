// One client's reading of a content: from a core::BlobReader to a StreamCall, at the client's pace.
#ifndef GRPC_OS_SERVICES_OBJECT_STREAM_H_
#define GRPC_OS_SERVICES_OBJECT_STREAM_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/guarded.h"
#include "core/checksum.h"
#include "core/object/blobs.h"
#include "core/object/objects.h"
#include "grpc_os/v1/filesystem_services.pb.h"
#include "services/stream_call.h"

namespace grpc_os::services {

// Where in a content of so many bytes a read begins that asks for `offset`: if that is negative, so
// many bytes before the end, or at the beginning if it has fewer. OUT_OF_RANGE
// (OFFSET_OUT_OF_RANGE) past its end.
absl::StatusOr<int64_t> ReadFrom(int64_t offset, int64_t size_bytes);

// Of a content that is in memory; `limit_bytes` 0: to the end.
std::shared_ptr<core::BlobReader> ReadInline(std::string data, int64_t offset, int64_t limit_bytes,
                                             const core::Checksum& checksum);

// While one piece is on its way the next one is read. Lives as long as the call or the reader
// refers to it. Thread-safe.
class ObjectStream final : public std::enable_shared_from_this<ObjectStream> {
 public:
  using ReadCall = StreamCall<v1::ReadObjectResponse>;
  // `first`: the first message without its bytes: the object, and where the content begins.
  static void Start(const std::shared_ptr<ReadCall>& call, v1::ReadObjectResponse first,
                    std::shared_ptr<core::BlobReader> reader);

 private:
  using Piece = core::BlobReader::Piece;
  struct State {
    v1::ReadObjectResponse next;  // what goes with the next piece
    bool first = true;            // nothing was read yet
    bool reading = false;
    bool sending = false;
    std::optional<v1::ReadObjectResponse> ready;
    std::optional<absl::Status> end;  // after what is ready
    bool gone = false;
  };
  ObjectStream(std::shared_ptr<ReadCall> call, std::shared_ptr<core::BlobReader> reader)
      : call_(std::move(call)), reader_(std::move(reader)) {}

  void Advance();
  // Asked before each message: roles may change while a content is read.
  absl::Status CheckAccess();
  void OnPiece(absl::StatusOr<Piece> piece);

  const std::shared_ptr<ReadCall> call_;
  const std::shared_ptr<core::BlobReader> reader_;
  std::string name_;
  Guarded<State> state_;
};

}  // namespace grpc_os::services

#endif  // GRPC_OS_SERVICES_OBJECT_STREAM_H_
