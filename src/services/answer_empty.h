// The answer to a change whose result is only that it was made.
#ifndef GRPC_OS_SERVICES_ANSWER_EMPTY_H_
#define GRPC_OS_SERVICES_ANSWER_EMPTY_H_

#include "absl/status/status.h"

namespace grpc_os::services {

template <typename Response, typename CallPointer>
auto AnswerEmpty(const CallPointer& call) {
  return [call](const absl::Status& status) {
    if (!status.ok()) return call->End(status);
    call->Answer(Response());
  };
}

}  // namespace grpc_os::services

#endif  // GRPC_OS_SERVICES_ANSWER_EMPTY_H_
