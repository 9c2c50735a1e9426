// How a failed call becomes an absl::Status.
#ifndef GRPC_OS_CLIENT_ERRORS_H_
#define GRPC_OS_CLIENT_ERRORS_H_

#include <string>

#include "absl/status/status.h"

namespace grpc_os::client {

// The status of a call that ended with the gRPC code `code` (not OK). `details` is the content of
// the trailer grpc-status-details-bin: its google.rpc.ErrorInfo, BadRequest and RetryInfo become
// the status's ErrorDetail (base/error_detail.h). Empty, damaged and unknown details are left out,
// so a status without a detail did not come from a handler of gRPC OS but from the transport.
absl::Status StatusFromWire(int code, const std::string& message, const std::string& details);

// The reason of ErrorInfo ("NAME_TAKEN"), or "" if the status has none.
std::string ReasonOf(const absl::Status& status);

// Whether the status says that nobody answered at all, rather than that a handler refused.
bool IsDaemonAway(const absl::Status& status);

// Whether a call that may be repeated should be: nobody answered, or there was no place for it,
// which says that it was not carried out.
bool ShouldComeAgain(const absl::Status& status);

}  // namespace grpc_os::client

#endif  // GRPC_OS_CLIENT_ERRORS_H_
