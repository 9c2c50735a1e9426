// The lines that nginx and grpc-osd exchange: src/edge/edge.lua documents them.
#ifndef GRPC_OS_EDGE_ANSWERS_H_
#define GRPC_OS_EDGE_ANSWERS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/domain/edge_endpoints.h"

namespace grpc_os::edge {

// "up 127.0.0.1:8080:1 …", "away …", "off".
std::string EndpointsText(const core::Endpoints& endpoints);

// GET /status.
struct Workers {
  struct Worker {
    int64_t generation = 0;
    bool accepting = false;
  };
  std::vector<Worker> workers;

  // Whether all that accepts connections is of this generation, and something does.
  bool ServesOnly(int64_t generation) const;
  int DrainingGenerations() const;
};
// INTERNAL: it is not of the format.
absl::StatusOr<Workers> ParseStatus(absl::string_view text);
// The requests that wait, by domains; of GET /status too.
absl::StatusOr<std::map<std::string, int64_t>> ParseWaiting(absl::string_view text);
// GET /traffic.
absl::StatusOr<core::EdgeTraffic> ParseTraffic(absl::string_view text);

}  // namespace grpc_os::edge

#endif  // GRPC_OS_EDGE_ANSWERS_H_
