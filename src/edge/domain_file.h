// One domain as a file of nginx's.
#ifndef GRPC_OS_EDGE_DOMAIN_FILE_H_
#define GRPC_OS_EDGE_DOMAIN_FILE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/domain/domain.h"

namespace grpc_os::edge {

// Renders the file of what `domain` wants; where its processes are is not in it, see edge.lua.
// `http` and `grpc` are the addresses that the edge listens on (see Word::ListenAddress).
// INVALID_ARGUMENT if a field is not what it must be, or two routes have the same path.
absl::StatusOr<std::string> RenderDomain(const core::Domain& domain,
                                         const std::vector<std::string>& http,
                                         const std::vector<std::string>& grpc);

}  // namespace grpc_os::edge

#endif  // GRPC_OS_EDGE_DOMAIN_FILE_H_
