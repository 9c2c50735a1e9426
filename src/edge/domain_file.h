// One domain as a file of nginx's.
#ifndef GRPC_OS_EDGE_DOMAIN_FILE_H_
#define GRPC_OS_EDGE_DOMAIN_FILE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace grpc_os::edge {

struct DomainRoute {
  std::string path = "/";  // the longest that matches wins; /api matches /api and /api/x
  bool strip = false;      // the process sees /x for /api/x
};

// What of a domain is in its file. Where its processes are is not: that is data, see edge.lua.
struct DomainFile {
  std::string id;    // names its upstreams: see UpstreamName
  std::string name;  // a host, or *.host
  std::vector<DomainRoute> routes;
  bool grpc = false;
  int64_t hold_ms = 30'000;                    // 0: requests do not wait
  int64_t max_body_bytes = int64_t{10} << 20;  // 0: any
  int64_t read_timeout_ms = 0;  // of a process that is silent; 0: a minute, or an hour for gRPC
};

// The name of an upstream in nginx, and of its endpoints: those of the route `number`, from 0.
std::string UpstreamName(const std::string& domain_id, size_t number);

// Renders the file. `http` and `grpc` are the addresses that the edge listens on (see
// Word::ListenAddress). INVALID_ARGUMENT if a field is not what it must be, or two routes have the
// same path.
absl::StatusOr<std::string> RenderDomain(const DomainFile& domain,
                                         const std::vector<std::string>& http,
                                         const std::vector<std::string>& grpc);

}  // namespace grpc_os::edge

#endif  // GRPC_OS_EDGE_DOMAIN_FILE_H_
