// The user of a stream that is answered while it begins.
#ifndef GRPC_OS_SERVER_ONE_ANSWER_H_
#define GRPC_OS_SERVER_ONE_ANSWER_H_

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "transport/stream.h"

namespace grpc_os::server {

using transport::ToEnd;

// Deletes itself.
class OneAnswer final : public transport::StreamUser {
 public:
  // `message`: of transport::NewMessage.
  static transport::StreamUser* Send(transport::Stream& stream, std::string message) {
    stream.Finish({}, std::move(message));
    return new OneAnswer();
  }
  static transport::StreamUser* End(transport::Stream& stream, const absl::Status& status) {
    stream.Finish(ToEnd(status), std::nullopt);
    return new OneAnswer();
  }

 private:
  void OnMessage(std::string_view) override {}
  void OnHalfClosed() override {}
  void OnWritten(bool) override {}
  void OnCancelled(const absl::Status&) override {}
  void OnGone() override { delete this; }
};

}  // namespace grpc_os::server

#endif  // GRPC_OS_SERVER_ONE_ANSWER_H_
