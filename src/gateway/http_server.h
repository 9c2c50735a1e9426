// HTTP on the loopback address: known paths, bounded, closed to pages of a browser.
#ifndef GRPC_OS_GATEWAY_HTTP_SERVER_H_
#define GRPC_OS_GATEWAY_HTTP_SERVER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/limits.h"
#include "base/unique_fd.h"

namespace grpc_os::gateway {

struct HttpResponse {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

// One request that waits for its response. Thread-safe.
class HttpExchange {
 public:
  virtual ~HttpExchange() = default;
  // The first answer counts; one after the server's end is dropped. `make` is called on the
  // server's thread, so that whoever answers need not spend the time; it does not block.
  virtual void Answer(std::function<HttpResponse()> make) = 0;
};

// Takes GET and HEAD without a body on its paths, from whoever reaches the loopback address by one
// of its names: a Host header that names anything else is refused, because a page in a browser
// reaches us under its own name when that name is made to point here (DNS rebinding).
//
// The last place is kept free of those that wait for their client: when it is taken, the connection
// whose request has been incomplete, or whose answer untaken, for the longest is closed. Where all
// wait for us, more wait to be accepted.
class HttpServer {
 public:
  struct Limits {
    int connections = limits::kHttpConnections;
    // For a request to come whole, however its bytes come, and for an answer to be taken.
    int64_t request_ms = limits::kHttpIdleMs;
  };
  struct Route {
    std::string path;  // "/metrics", without a query
    // Called on the server's thread: does not block, sees to it that the exchange is answered.
    std::function<void(std::shared_ptr<HttpExchange>)> handle;
  };
  // A socket that listens on 127.0.0.1:`port` (0: any free one). UNAVAILABLE, naming the cure, if
  // the port cannot be had.
  static absl::StatusOr<UniqueFd> Listen(int port);
  // Serves on such a socket, with one thread of its own.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(UniqueFd listener,
                                                           std::vector<Route> routes) {
    return Start(std::move(listener), std::move(routes), Limits());
  }
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(UniqueFd listener,
                                                           std::vector<Route> routes,
                                                           const Limits& limits);
  // Ends what was not answered and closes all connections.
  ~HttpServer();

  int port() const;

 private:
  class Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Whether a Host header names the loopback address: localhost, 127.0.0.1 or [::1], with any port.
bool IsLoopbackHost(std::string_view host);

}  // namespace grpc_os::gateway

#endif  // GRPC_OS_GATEWAY_HTTP_SERVER_H_
