// A call with one answer.
#ifndef GRPC_OS_SERVICES_UNARY_CALL_H_
#define GRPC_OS_SERVICES_UNARY_CALL_H_

#include <atomic>

#include "absl/status/statusor.h"
#include "services/call.h"

namespace grpc_os::services {

// Answered once, from any thread; later answers, and answers to a client that has gone, are
// dropped.
template <typename Response>
class UnaryCall final : public Call {
 public:
  UnaryCall(CallEnvironment& environment, const MethodInfo& method, const Arrival& arrival,
            Exchange& exchange)
      : Call(environment, method, /*stream=*/false, arrival), exchange_(&exchange) {}

  void Answer(const absl::StatusOr<Response>& answer) {
    Finish(answer.ok() ? &*answer : nullptr, answer.status());
  }
  void End(const absl::Status& status) override { Finish(nullptr, status); }

 private:
  void Finish(const Response* answer, const absl::Status& status) {
    Exchange* exchange = exchange_.exchange(nullptr);
    if (exchange != nullptr) exchange->Finish(answer, Close(status));
  }

  std::atomic<Exchange*> exchange_;  // until somebody finishes it
};

}  // namespace grpc_os::services

#endif  // GRPC_OS_SERVICES_UNARY_CALL_H_
