// A call with one answer.
#ifndef GRPC_OS_SERVICES_UNARY_CALL_H_
#define GRPC_OS_SERVICES_UNARY_CALL_H_

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <atomic>
#include <memory>
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
    Reactor* reactor = reactor_.exchange(nullptr);
    if (reactor == nullptr) return;
    const absl::Status status = answer.status();
    if (status.ok()) *response_ = *std::move(answer);
    reactor->Finish(Close(status));
  }
  void End(const absl::Status& status) override {
    Reactor* reactor = reactor_.exchange(nullptr);
    if (reactor != nullptr) reactor->Finish(Close(status));
  }

  // Returns the reactor that gRPC wants; it deletes itself.
  grpc::ServerUnaryReactor* Open() {
    auto* reactor = new Reactor(std::static_pointer_cast<UnaryCall>(shared_from_this()));
    reactor_ = reactor;
    return reactor;
  }

 private:
  class Reactor final : public grpc::ServerUnaryReactor {
   public:
    explicit Reactor(std::shared_ptr<UnaryCall> call) : call_(std::move(call)) {}
    void OnCancel() override {
      const auto call = call_;  // Finish may run OnDone
      call->End(absl::CancelledError("the client gave up"));
    }
    void OnDone() override {
      call_->environment().Remove(call_.get());
      delete this;
    }
    // Both are quick, so gRPC need not hand them to its executor's thread: that costs two wake-ups
    // a call, as much as all the rest (docs/PERFORMANCE.md). They may run inside Finish then.
    bool InternalInlineable() override { return true; }

   private:
    std::shared_ptr<UnaryCall> call_;
  };

  std::atomic<Reactor*> reactor_{nullptr};  // until somebody finishes it
  Response* response_;                      // theirs, who finish
};

}  // namespace grpc_os::services

#endif  // GRPC_OS_SERVICES_UNARY_CALL_H_
