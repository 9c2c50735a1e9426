// A call that a thread of its own answers, which may block: what the suites' servers are made of.
#ifndef GRPC_OS_TESTS_TRANSPORT_BLOCKING_CALL_H_
#define GRPC_OS_TESTS_TRANSPORT_BLOCKING_CALL_H_

#include <google/protobuf/message_lite.h>

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "transport/stream.h"

namespace grpc_os::tests {

class BlockingCall final : public transport::StreamUser {
 public:
  // Answers the call, and gives how it ends.
  using Body = std::function<transport::EndStatus(BlockingCall&)>;
  static transport::Method Serve(bool client_streams, Body body);

  transport::Stream& stream() { return stream_; }

  // The next message. False: no more come, or the call is over.
  bool Read(google::protobuf::MessageLite& message);
  // False: the call is over.
  bool Write(const google::protobuf::MessageLite& message);
  // False: the call was over before.
  bool Wait(int64_t microseconds);
  // Goes together with the end, if that is OK.
  void Answer(const google::protobuf::MessageLite& message);

 private:
  explicit BlockingCall(transport::Stream& stream);

  void Run(const Body& body);
  void OnMessage(std::string_view message) override;
  void OnHalfClosed() override;
  void OnWritten(bool taken) override;
  void OnCancelled(const absl::Status& why) override;
  void OnGone() override { delete this; }

  transport::Stream& stream_;
  std::optional<std::string> answer_;
  std::mutex mutex_;
  std::condition_variable changed_;
  // Under the mutex.
  std::optional<std::string> message_;  // that came
  bool half_closed_ = false;
  std::optional<bool> written_;
  std::optional<transport::EndStatus> over_;
};

}  // namespace grpc_os::tests

#endif  // GRPC_OS_TESTS_TRANSPORT_BLOCKING_CALL_H_
