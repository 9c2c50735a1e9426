// One call, as the transport has it: a stream of HTTP/2 that speaks gRPC.
#ifndef GRPC_OS_TRANSPORT_STREAM_H_
#define GRPC_OS_TRANSPORT_STREAM_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "transport/metadata.h"
#include "transport/methods.h"
#include "transport/peer.h"

namespace grpc_os::transport {

// How a call ended.
struct EndStatus {
  int code = 0;              // of gRPC
  std::string message = {};  // any text
  std::string details = {};  // a serialized google.rpc.Status; empty: none
};

inline EndStatus ToEnd(const absl::Status& status) {
  return {.code = static_cast<int>(status.code()), .message = std::string(status.message())};
}

// Who answers a stream. Called on the I/O thread of its connection, never within the Method that
// began it, and must not block. Lives until OnGone.
class StreamUser {
 public:
  virtual ~StreamUser() = default;

  // After Stream::Read: the next message, or that no more come. The bytes are there only until it
  // returns.
  virtual void OnMessage(std::string_view message) = 0;
  virtual void OnHalfClosed() = 0;
  // After Stream::Write: the message is on its way, or cannot be any more.
  virtual void OnWritten(bool taken) = 0;
  // The call is to end with this, unless it has: the client gave up (CANCELLED), its deadline
  // passed, or it holds more than it may. At most once.
  virtual void OnCancelled(const absl::Status& why) = 0;
  // The last, and the only one after Stream::Finish. May delete this.
  virtual void OnGone() = 0;
};

// What the user does with it: from any thread, until Finish. One Read and one Write at a time.
class Stream {
 public:
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // What came with the call; constant once it has begun.
  const Metadata& metadata() const { return metadata_; }
  int64_t deadline_ms() const { return deadline_ms_; }  // since the epoch; INT64_MAX: none
  const Peer& peer() const { return *peer_; }
  // Of a method without a stream of requests: the one there is, while the method begins.
  std::string_view request() const { return request_; }

  // Sent with whatever is sent first; before anything is.
  void AddInitialMetadata(std::string_view name, std::string_view value) {
    initial_.Add(name, value);
  }
  // Sent with the end; before Finish.
  void AddTrailer(std::string_view name, std::string_view value) { trailers_.Add(name, value); }

  // Asks for the next message; also if the stream is over: then none comes.
  virtual void Read() = 0;
  // `message`: of NewMessage.
  virtual void Write(std::string message) = 0;
  // The last: with an answer (of NewMessage), if there is one still to be sent. No Write is
  // outstanding.
  virtual void Finish(EndStatus status, std::optional<std::string> answer) = 0;

 protected:
  Stream() = default;
  ~Stream() = default;

  Metadata metadata_;
  Metadata initial_;
  Metadata trailers_;
  int64_t deadline_ms_ = INT64_MAX;
  std::shared_ptr<const Peer> peer_;
  std::string_view request_;
};

}  // namespace grpc_os::transport

#endif  // GRPC_OS_TRANSPORT_STREAM_H_
