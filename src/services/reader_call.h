// A call of a stream of messages with one answer.
#ifndef GRPC_OS_SERVICES_READER_CALL_H_
#define GRPC_OS_SERVICES_READER_CALL_H_

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

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
  ReaderCall(CallEnvironment& environment, const MethodInfo& method, Response* response)
      : Call(environment, method, /*stream=*/true), response_(response) {}

  // What the consumer wants to hear; set before the first Read. On gRPC's threads, which never
  // wait.
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
    if (reactor_ == nullptr) return false;
    consumer_ = std::make_shared<Consumer>(std::move(consumer));
    return true;
  }

  // Asks for the next message, once the last one came.
  void Read() {
    // Under the lock, so that nobody ends the call meanwhile; gRPC calls nothing of ours back on
    // this thread.
    const std::lock_guard lock(mutex_);
    if (reactor_ != nullptr) reactor_->StartRead(&message_);
  }

  // What the change is about, for the audit, once a message has told it. Nothing comes of it where
  // the call has ended: others may be telling of that just now.
  void SetResource(std::string resource) {
    const std::lock_guard lock(mutex_);
    if (reactor_ != nullptr) MakeOrigin(std::move(resource));
  }

  void Answer(absl::StatusOr<Response> answer) {
    Reactor* reactor = Take();
    if (reactor == nullptr) return;
    const absl::Status status = answer.status();
    if (status.ok()) *response_ = *std::move(answer);
    reactor->Finish(Close(status));
  }
  void End(const absl::Status& status) override {
    Reactor* reactor = Take();
    if (reactor != nullptr) reactor->Finish(Close(status));
  }

  void Tick(int64_t now_ms) override {
    Call::Tick(now_ms);
    if (const auto consumer = Consumers(); consumer != nullptr) consumer->on_tick(now_ms);
  }

  grpc::ServerReadReactor<Request>* Open() {
    auto* reactor = new Reactor(std::static_pointer_cast<ReaderCall>(shared_from_this()));
    reactor_ = reactor;
    return reactor;
  }

 private:
  class Reactor final : public grpc::ServerReadReactor<Request> {
   public:
    explicit Reactor(std::shared_ptr<ReaderCall> call) : call_(std::move(call)) {}
    void OnReadDone(bool ok) override { call_->Came(ok); }
    void OnCancel() override { call_->End(absl::CancelledError("the client gave up")); }
    void OnDone() override {
      call_->Gone();
      delete this;
    }

   private:
    std::shared_ptr<ReaderCall> call_;
  };

  // Whoever gets it finishes it.
  Reactor* Take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(reactor_, nullptr);
  }
  std::shared_ptr<Consumer> Consumers() {
    const std::lock_guard lock(mutex_);
    return consumer_;
  }

  void Came(bool ok) {
    const auto consumer = Consumers();
    if (consumer == nullptr) return;
    if (!ok) return consumer->on_half_closed();
    consumer->on_message(std::move(message_));
  }

  void Gone() {
    std::shared_ptr<Consumer> consumer;
    {
      const std::lock_guard lock(mutex_);
      consumer = std::exchange(consumer_, nullptr);
    }
    environment().Remove(this);
    if (consumer != nullptr) consumer->on_gone();
  }

  std::mutex mutex_;
  Reactor* reactor_ = nullptr;  // until somebody finishes it
  std::shared_ptr<Consumer> consumer_;
  Request message_;     // gRPC's, while one is asked for
  Response* response_;  // theirs, who finish
};

}  // namespace grpc_os::services

#endif  // GRPC_OS_SERVICES_READER_CALL_H_
