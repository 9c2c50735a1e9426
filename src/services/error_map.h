// Our errors as clients get them. The only place where they are translated.
#ifndef GRPC_OS_SERVICES_ERROR_MAP_H_
#define GRPC_OS_SERVICES_ERROR_MAP_H_

#include <cstddef>
#include <string>

#include "absl/status/status.h"

namespace grpc_os::services {

// How a call ended, as it goes over the wire.
struct WireStatus {
  absl::StatusCode code = absl::StatusCode::kOk;
  std::string message = {};
  std::string details = {};  // a serialized google.rpc.Status; empty if OK
};

// With google.rpc.ErrorInfo, BadRequest, RetryInfo, RequestInfo in its details. An error without a
// detail of ours becomes the one that its code stands for (UNAVAILABLE: STORE_UNAVAILABLE, …), or
// INTERNAL.
WireStatus ToWire(const absl::Status& status, const std::string& request_id);

// The text, or its first `limit` bytes and "...", never ending within a character.
std::string CutText(const std::string& text, size_t limit);

}  // namespace grpc_os::services

#endif  // GRPC_OS_SERVICES_ERROR_MAP_H_
