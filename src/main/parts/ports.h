// The TCP ports, before anything is launched or changed for a daemon that cannot have them.
#ifndef GRPC_OS_MAIN_PARTS_PORTS_H_
#define GRPC_OS_MAIN_PARTS_PORTS_H_

#include <utility>

#include "base/unique_fd.h"
#include "gateway/http_server.h"
#include "main/parts/composition.h"
#include "server/grpc_server.h"

namespace grpc_os {

class Ports final : public Part {
 public:
  Ports(int grpc_port, int http_port) : grpc_port_(grpc_port), http_port_(http_port) {}

  absl::Status Start() override {
    if (absl::Status status = server::GrpcServer::CheckPort(grpc_port_); !status.ok())
      return status;
    auto http = gateway::HttpServer::Listen(http_port_);
    if (!http.ok()) return http.status();
    http_ = *std::move(http);
    return absl::OkStatus();
  }

  int grpc_port() const { return grpc_port_; }
  UniqueFd TakeHttpListener() { return std::move(http_); }

 private:
  const int grpc_port_;
  const int http_port_;
  UniqueFd http_;
};

}  // namespace grpc_os

#endif  // GRPC_OS_MAIN_PARTS_PORTS_H_
