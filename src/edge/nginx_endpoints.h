// core::EdgeEndpoints over nginx: the endpoints in its shared memory, and in the file that it reads
// when it starts.
#ifndef GRPC_OS_EDGE_NGINX_ENDPOINTS_H_
#define GRPC_OS_EDGE_NGINX_ENDPOINTS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "core/domain/edge_endpoints.h"
#include "core/reconcile/worker.h"
#include "core/scheduler.h"
#include "edge/private_socket.h"

namespace grpc_os::edge {

// Lives on the core's thread.
class NginxEndpoints final : public core::EdgeEndpoints {
 public:
  struct Parts {
    std::string directory;  // of the edge
    core::Worker& worker;
    core::Scheduler& scheduler;
    const PrivateSocket& socket;
    std::function<bool()> runs;  // whether nginx is to run
  };
  explicit NginxEndpoints(Parts parts);

  // core::EdgeEndpoints:
  void Set(const std::map<std::string, core::Endpoints>& all,
           std::function<void(absl::Status)> done) override;
  void ReadTraffic(std::function<void(absl::StatusOr<core::EdgeTraffic>)> done) override;
  // nginx has been started, or its memory is not known any more: the next Set gives it all.
  void Forget();

  static constexpr int64_t kAskMs = 2'000;

 private:
  using Texts = std::map<std::string, std::string>;
  // Of the worker's thread.
  struct Sent {
    std::string directory;
    Texts texts;
    bool known = false;  // they are in nginx's memory

    absl::Status WriteFile(const Texts& all) const;
    absl::Status Send(const PrivateSocket& socket, const Texts& all);
  };

  const Parts parts_;
  std::shared_ptr<Sent> sent_ = std::make_shared<Sent>();
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace grpc_os::edge

#endif  // GRPC_OS_EDGE_NGINX_ENDPOINTS_H_
