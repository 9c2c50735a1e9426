// One domain as a file of nginx's.
#ifndef GRPC_OS_EDGE_DOMAIN_FILE_H_
#define GRPC_OS_EDGE_DOMAIN_FILE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/domain/domain.h"
#include "core/reconcile/data_plane.h"

namespace grpc_os::edge {

// Where the edge listens (see Word::ListenAddress).
struct EdgeAddresses {
  std::vector<std::string> http = {}, https = {}, grpc = {};
};

// In the edge's directory, for the edge alone: where grpc-osd takes what the edge passes on.
inline constexpr char kApiSocket[] = "os.sock";

// Renders the file of what `domain` wants; where its processes are is not in it, see edge.lua. Of a
// domain that leads to the API, the certificate and its key lie beside it, in conf/…/d/<id>.pem,
// and `secret` is in it (see Word::Identifier). INVALID_ARGUMENT if a field is not what it must be,
// or two routes have the same path.
absl::StatusOr<core::PlaneFile> RenderDomain(const core::Domain& domain,
                                             const EdgeAddresses& addresses,
                                             const std::string& secret);

}  // namespace grpc_os::edge

#endif  // GRPC_OS_EDGE_DOMAIN_FILE_H_
