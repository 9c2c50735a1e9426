// What grpc-osd asks nginx: HTTP/1.1 over the private socket (edge.lua says which).
#ifndef GRPC_OS_EDGE_PRIVATE_SOCKET_H_
#define GRPC_OS_EDGE_PRIVATE_SOCKET_H_

#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/statusor.h"

namespace grpc_os::edge {

// A connection for each request. Blocks, at most for the time given. Thread-safe.
class PrivateSocket {
 public:
  // `directory`/private.sock.
  explicit PrivateSocket(std::string directory) : directory_(std::move(directory)) {}

  // The body of a 200. UNAVAILABLE: nobody listens; DEADLINE_EXCEEDED: no answer within the time;
  // RESOURCE_EXHAUSTED: 507; INTERNAL: anything else.
  absl::StatusOr<std::string> Get(const std::string& path, int64_t timeout_ms) const;
  absl::StatusOr<std::string> Post(const std::string& path, const std::string& body,
                                   int64_t timeout_ms) const;

 private:
  absl::StatusOr<std::string> Ask(const std::string& request, int64_t timeout_ms) const;

  const std::string directory_;
};

}  // namespace grpc_os::edge

#endif  // GRPC_OS_EDGE_PRIVATE_SOCKET_H_
