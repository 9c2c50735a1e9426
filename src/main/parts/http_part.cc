#include "main/parts/http_part.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace grpc_os {

absl::Status HttpPart::Start() {
  metrics_ = std::make_unique<Metrics>(
      Metrics::Parts{needs_.services.environment(), needs_.scheduler, needs_.processes.processes(),
                     needs_.store.store(), needs_.store.disk(), needs_.objects.storage()});
  auto server = gateway::HttpServer::Start(
      needs_.ports.TakeHttpListener(),
      {{"/metrics", [this](const auto& exchange) { metrics_->Serve(exchange); }}});
  if (!server.ok()) return server.status();
  server_ = *std::move(server);
  needs_.files.Write("run/http.port", absl::StrCat(server_->port(), "\n"));
  return absl::OkStatus();
}

}  // namespace grpc_os
