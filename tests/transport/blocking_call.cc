#include "blocking_call.h"

#include <chrono>
#include <thread>
#include <utility>

#include "server/message_bytes.h"
#include "server/one_answer.h"

namespace grpc_os::tests {

transport::Method BlockingCall::Serve(bool client_streams, Body body) {
  return {.client_streams = client_streams,
          .begin = [body = std::move(body), client_streams](transport::Stream& stream) {
            auto* call = new BlockingCall(stream);
            if (!client_streams) {
              call->message_ = stream.request();
              call->half_closed_ = true;
            }
            std::thread([call, body] { call->Run(body); }).detach();
            return call;
          }};
}

BlockingCall::BlockingCall(transport::Stream& stream) : stream_(stream) {}

void BlockingCall::Run(const Body& body) {
  transport::EndStatus end = body(*this);
  {
    const std::scoped_lock lock(mutex_);
    if (over_.has_value()) end = *over_;
  }
  if (end.code != 0) answer_.reset();
  // From here on it may be gone.
  std::optional<std::string> answer = std::move(answer_);
  stream_.Finish(std::move(end), std::move(answer));
}

bool BlockingCall::Read(google::protobuf::MessageLite& message) {
  std::unique_lock lock(mutex_);
  if (over_.has_value()) return false;
  if (!message_.has_value() && !half_closed_) {
    lock.unlock();
    stream_.Read();
    lock.lock();
    changed_.wait(lock, [this] { return message_.has_value() || half_closed_; });
  }
  if (!message_.has_value() || over_.has_value()) return false;
  const std::string bytes = *std::exchange(message_, std::nullopt);
  if (message.ParseFromString(bytes)) return true;
  over_ = server::ToEnd(absl::InternalError("this is no message of the method"));
  return false;
}

bool BlockingCall::Write(const google::protobuf::MessageLite& message) {
  {
    const std::scoped_lock lock(mutex_);
    if (over_.has_value()) return false;
    written_.reset();
  }
  stream_.Write(server::ToBytes(message));
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return written_.has_value(); });
  return *written_;
}

bool BlockingCall::Wait(int64_t microseconds) {
  std::unique_lock lock(mutex_);
  return !changed_.wait_for(lock, std::chrono::microseconds(microseconds),
                            [this] { return over_.has_value(); });
}

void BlockingCall::Answer(const google::protobuf::MessageLite& message) {
  answer_ = server::ToBytes(message);
}

void BlockingCall::OnMessage(std::string_view message) {
  const std::scoped_lock lock(mutex_);
  message_ = message;
  changed_.notify_all();
}

void BlockingCall::OnHalfClosed() {
  const std::scoped_lock lock(mutex_);
  half_closed_ = true;
  changed_.notify_all();
}

void BlockingCall::OnWritten(bool taken) {
  const std::scoped_lock lock(mutex_);
  written_ = taken;
  changed_.notify_all();
}

void BlockingCall::OnCancelled(const absl::Status& why) {
  const std::scoped_lock lock(mutex_);
  if (!over_.has_value()) over_ = server::ToEnd(why);
  changed_.notify_all();
}

}  // namespace grpc_os::tests
