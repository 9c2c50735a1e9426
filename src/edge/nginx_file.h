// nginx's main file: the template with its values.
#ifndef GRPC_OS_EDGE_NGINX_FILE_H_
#define GRPC_OS_EDGE_NGINX_FILE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace grpc_os::edge {

// config/templates/nginx.conf.template and src/edge/edge.lua, as they were when this was compiled.
extern const std::string_view kNginxTemplate;
extern const std::string_view kEdgeLua;

struct NginxSettings {
  int64_t generation = 0;
  // See Word::ListenAddress. Without `http`, nothing is served; the others may be empty.
  std::vector<std::string> http;
  std::vector<std::string> https;  // every handshake for a name without a certificate is refused
  std::vector<std::string> grpc;
  int64_t workers = 2;
  int64_t connections = 4096;             // of each worker: to clients and to processes
  int64_t domains = 0;                    // each has a log file open
  int64_t shutdown_timeout_ms = 300'000;  // what an old worker has in hand then is cut
  std::vector<std::string>
      trusted_proxies;   // see Word::Network: whose X-Forwarded-For and -Proto are believed
  bool as_root = false;  // nginx is started by root, and stays so
  // So long without a request on the private socket, waiting requests look for processes
  // themselves.
  int64_t silent_ms = 3'000;
  // Requests that wait for a process, and the bytes of them: in all, and for one domain.
  int64_t waiting = 1024;
  int64_t waiting_bytes = int64_t{256} << 20;
  int64_t waiting_of_domain = 512;
  int64_t waiting_bytes_of_domain = int64_t{64} << 20;
};

// Renders `text`, which is kNginxTemplate or an operator's. INVALID_ARGUMENT if a setting is not
// what it must be, or if the template has an unknown placeholder, or lacks one: with the line.
absl::StatusOr<std::string> RenderNginx(std::string_view text, const NginxSettings& settings);

}  // namespace grpc_os::edge

#endif  // GRPC_OS_EDGE_NGINX_FILE_H_
