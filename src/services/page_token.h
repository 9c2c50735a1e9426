// Page tokens: where a list goes on.
#ifndef GRPC_OS_SERVICES_PAGE_TOKEN_H_
#define GRPC_OS_SERVICES_PAGE_TOKEN_H_

#include <string>

#include "absl/status/statusor.h"

namespace grpc_os::services {

// `arguments` are the other arguments of the list, which must be the same on every page. Opaque,
// URL-safe, grants nothing.
std::string MakePageToken(const std::string& last_key, const std::string& arguments);
// The last key ("" for an empty token); INVALID_ARGUMENT (PAGE_TOKEN_INVALID) for one that is
// malformed or of other arguments.
absl::StatusOr<std::string> ParsePageToken(const std::string& token, const std::string& arguments);
// For a last key that only a made-up token can hold.
absl::Status PageTokenInvalid();

}  // namespace grpc_os::services

#endif  // GRPC_OS_SERVICES_PAGE_TOKEN_H_
