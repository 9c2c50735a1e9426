// A call of a stream of messages with one answer.
#ifndef GRPC_OS_SERVICES_READER_CALL_H_
#define GRPC_OS_SERVICES_READER_CALL_H_

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "services/call.h"

namespace grpc_os::services {

// Whoever takes the messages asks for each: what is not asked for stays with the client, whom
// HTTP/2's flow control slows down. Thread-safe.
template <typename Request, typename Response>
class ReaderCall final : public Call {
 public:
  ReaderCall(CallEnvironment& environment, const MethodInfo& method, const Arrival& arrival,
             Exchange& exchange)
      : Call(environment, method, /*stream=*/true, arrival), exchange_(&exchange) {}

  // What the consumer wants to hear; set before the first Read. On the transport's threads, which
  // never wait.
  struct Consumer {
    std::function<void(Request)> on_message;
    std::function<void()> on_half_closed;  // no more messages come
    // The call is over, however it ended: comes once, last.
    std::function<void()> on_gone;
    std::function<void(int64_t now_ms)> on_tick;  // about once a second
  };
  // False: the call has ended, and nothing will be heard of that.
  [[nodiscard]] bool SetConsumer(Consumer consumer) {
    const std::lock_guard lock(mutex_);
    if (exchange_ == nullptr) return false;
    consumer_ = std::make_shared<Consumer>(std::move(consumer));
    return true;
  }

  // Asks for the next message, once the last one came.
  void Read() {
    // Under the lock, so that nobody ends the call meanwhile; the transport calls nothing of ours
    // back on this thread.
    const std::lock_guard lock(mutex_);
    if (exchange_ != nullptr) exchange_->Read(message_);
  }

  // What the change is about, for the audit, once a message has told it. Nothing comes of it where
  // the call has ended: others may be telling of that just now.
  void SetResource(std::string resource) {
    const std::lock_guard lock(mutex_);
    if (exchange_ != nullptr) MakeOrigin(std::move(resource));
  }

  void Answer(const absl::StatusOr<Response>& answer) {
    Finish(answer.ok() ? &*answer : nullptr, answer.status());
  }
  void End(const absl::Status& status) override { Finish(nullptr, status); }

  void Tick(int64_t now_ms) override {
    Call::Tick(now_ms);
    if (const auto consumer = Consumers(); consumer != nullptr) consumer->on_tick(now_ms);
  }

  void OnRead(bool came) override {
    const auto consumer = Consumers();
    if (consumer == nullptr) return;
    if (!came) return consumer->on_half_closed();
    consumer->on_message(std::move(message_));
  }

  void OnGone() override {
    std::shared_ptr<Consumer> consumer;
    {
      const std::lock_guard lock(mutex_);
      consumer = std::exchange(consumer_, nullptr);
    }
    Call::OnGone();
    if (consumer != nullptr) consumer->on_gone();
  }

 private:
  void Finish(const Response* answer, const absl::Status& status) {
    Exchange* exchange = nullptr;
    {
      const std::lock_guard lock(mutex_);
      exchange = std::exchange(exchange_, nullptr);
    }
    if (exchange != nullptr) exchange->Finish(answer, Close(status));
  }
  std::shared_ptr<Consumer> Consumers() {
    const std::lock_guard lock(mutex_);
    return consumer_;
  }

  std::mutex mutex_;
  Exchange* exchange_;  // until somebody finishes it
  std::shared_ptr<Consumer> consumer_;
  Request message_;  // the transport's, while one is asked for
};

}  // namespace grpc_os::services

#endif  // GRPC_OS_SERVICES_READER_CALL_H_
