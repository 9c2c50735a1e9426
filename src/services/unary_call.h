// A call with one answer.
#ifndef GRPC_OS_SERVICES_UNARY_CALL_H_
#define GRPC_OS_SERVICES_UNARY_CALL_H_

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <memory>
#include <mutex>
#include <utility>

#include "absl/status/statusor.h"
#include "services/call.h"

namespace grpc_os::services {

// Answered once, from any thread; later answers, and answers to a client that has gone, are
// dropped.
template <typename Response>
class UnaryCall final : public Call {
 public:
  UnaryCall(CallEnvironment& environment, const MethodInfo& method, Response* response)
      : Call(environment, method, /*stream=*/false), response_(response) {}

  void Answer(absl::StatusOr<Response> answer) {
    std::lock_guard lock(mutex_);
    if (reactor_ == nullptr) return;
    const absl::Status status = answer.status();
    if (status.ok()) *response_ = *std::move(answer);
    Finish(status);
  }
  void End(const absl::Status& status) override {
    std::lock_guard lock(mutex_);
    if (reactor_ != nullptr) Finish(status);
  }

  // Returns the reactor that gRPC wants; it deletes itself.
  grpc::ServerUnaryReactor* Open() {
    auto* reactor = new Reactor(std::static_pointer_cast<UnaryCall>(shared_from_this()));
    reactor_ = reactor;
    environment().Add(this);
    return reactor;
  }

 private:
  class Reactor final : public grpc::ServerUnaryReactor {
   public:
    explicit Reactor(std::shared_ptr<UnaryCall> call) : call_(std::move(call)) {}
    void OnCancel() override { call_->End(absl::CancelledError("the client gave up")); }
    void OnDone() override {
      call_->environment().Remove(call_.get());
      delete this;
    }

   private:
    std::shared_ptr<UnaryCall> call_;
  };

  // With the lock held. gRPC runs OnDone on another turn, never from inside Finish.
  void Finish(const absl::Status& status) {
    std::exchange(reactor_, nullptr)->Finish(Close(status));
  }

  std::mutex mutex_;
  Reactor* reactor_ = nullptr;  // until it is finished
  Response* response_;
};

}  // namespace grpc_os::services

#endif  // GRPC_OS_SERVICES_UNARY_CALL_H_
