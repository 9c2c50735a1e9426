#include "main/parts/grpc_part.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "host/loopback_peers.h"

namespace grpc_os {
namespace {

constexpr int64_t kStopGraceMs = 5000;

}  // namespace

absl::Status GrpcPart::Start() {
  auto server = server::GrpcServer::Start({.socket_path = needs_.directory.PathOf("run/api.sock"),
                                           .port = needs_.ports.grpc_port(),
                                           .transport = {.uid_of = host::UidOfLoopbackPeer}},
                                          needs_.services.handlers());
  if (!server.ok()) return server.status();
  server_ = *std::move(server);
  needs_.edge.AddOwnPort(server_->port());
  needs_.files.Write("run/grpc.port", absl::StrCat(server_->port(), "\n"));
  return absl::OkStatus();
}

void GrpcPart::Stop() {
  needs_.services.environment().ShutDown();
  server_->Stop(kStopGraceMs);
}

}  // namespace grpc_os
