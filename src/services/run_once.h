// Changes with a request_id.
#ifndef GRPC_OS_SERVICES_RUN_ONCE_H_
#define GRPC_OS_SERVICES_RUN_ONCE_H_

#include <google/protobuf/message.h>

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "core/change/envelope.h"
#include "services/call.h"

namespace grpc_os::services {

// The bytes that make two requests the same: all fields but `request_id`, in a fixed order.
std::string ContentOf(const google::protobuf::Message& request);

// INVALID_ARGUMENT unless it is empty or 1 to 128 printable ASCII characters.
absl::Status CheckRequestId(const std::string& request_id);

// Calls `carry_out(origin)`, or, if a call with the same request_id was committed before,
// `repeat(committed)`; or ends the call with the refusal. On some thread. `resource` and `name`: as
// Call::MakeOrigin has them; a name that the caller's permission does not cover is refused first.
template <typename CallPointer, typename Request, typename CarryOut, typename Repeat>
void RunOnce(const CallPointer& call, const Request& request, const std::string& resource,
             CarryOut carry_out, Repeat repeat, const std::string& name = "") {
  core::Origin origin = call->MakeOrigin(resource, name);
  if (absl::Status status = call->CheckName(name); !status.ok()) return call->End(status);
  if (request.request_id().empty()) return carry_out(std::move(origin));
  if (absl::Status status = CheckRequestId(request.request_id()); !status.ok())
    return call->End(status);
  core::CommittedRequest committed;
  committed.key = {call->caller().user, origin.record.method, request.request_id()};
  committed.digest = call->environment().digest.Sha256Hex(ContentOf(request));
  committed.time_ms = origin.record.time_ms;
  origin.request = committed;
  call->environment().requests.Begin(
      committed.key, committed.digest,
      {.carry_out =
           [origin = std::move(origin),
            carry_out = std::move(carry_out)](std::shared_ptr<void> slot) mutable {
             origin.slot = std::move(slot);
             carry_out(std::move(origin));
           },
       .repeat =
           [call, repeat, name](absl::StatusOr<core::CommittedRequest> found) {
             if (!found.ok()) return call->End(found.status());
             if (absl::Status status = call->CheckNameNow(name); !status.ok())
               return call->End(status);
             repeat(*std::move(found));
           }});
}

}  // namespace grpc_os::services

#endif  // GRPC_OS_SERVICES_RUN_ONCE_H_
