// The HTTP server: /metrics.
#ifndef GRPC_OS_MAIN_PARTS_HTTP_PART_H_
#define GRPC_OS_MAIN_PARTS_HTTP_PART_H_

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/scheduler.h"
#include "gateway/http_server.h"
#include "main/metrics.h"
#include "main/parts/edge_part.h"
#include "main/parts/grpc_part.h"
#include "main/parts/objects_part.h"
#include "main/parts/ports.h"
#include "main/parts/processes_part.h"
#include "main/parts/published_files.h"
#include "main/parts/services_part.h"
#include "main/parts/store_part.h"

namespace grpc_os {

class HttpPart final : public Part {
 public:
  struct Needs {
    PublishedFiles& files;
    const StorePart& store;
    const ProcessesPart& processes;
    const ObjectsPart& objects;
    EdgePart& edge;
    const ServicesPart& services;
    const GrpcPart& grpc;
    Ports& ports;
    core::Scheduler& scheduler;
  };
  explicit HttpPart(const Needs& needs) : needs_(needs) {}

  absl::Status Start() override {
    metrics_ = std::make_unique<Metrics>(Metrics::Parts{
        needs_.services.environment(), needs_.grpc.server().transport(), needs_.scheduler,
        needs_.processes.processes(), needs_.store.store(), needs_.store.disk(),
        needs_.objects.storage(), [this] { return needs_.edge.CountDomains(); }});
    auto server = gateway::HttpServer::Start(
        needs_.ports.TakeHttpListener(),
        {{"/metrics", [this](const auto& exchange) { metrics_->Serve(exchange); }}});
    if (!server.ok()) return server.status();
    server_ = *std::move(server);
    needs_.edge.AddOwnPort(server_->port());
    needs_.files.Write("run/http.port", absl::StrCat(server_->port(), "\n"));
    return absl::OkStatus();
  }
  void Stop() override { server_.reset(); }

 private:
  const Needs needs_;
  std::unique_ptr<Metrics> metrics_;
  std::unique_ptr<gateway::HttpServer> server_;
};

}  // namespace grpc_os

#endif  // GRPC_OS_MAIN_PARTS_HTTP_PART_H_
