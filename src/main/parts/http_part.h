// The HTTP server: /metrics.
#ifndef GRPC_OS_MAIN_PARTS_HTTP_PART_H_
#define GRPC_OS_MAIN_PARTS_HTTP_PART_H_

#include <memory>

#include "core/scheduler.h"
#include "gateway/http_server.h"
#include "main/metrics.h"
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
    const ServicesPart& services;
    Ports& ports;
    core::Scheduler& scheduler;
  };
  explicit HttpPart(const Needs& needs) : needs_(needs) {}

  absl::Status Start() override;
  void Stop() override { server_.reset(); }

 private:
  const Needs needs_;
  std::unique_ptr<Metrics> metrics_;
  std::unique_ptr<gateway::HttpServer> server_;
};

}  // namespace grpc_os

#endif  // GRPC_OS_MAIN_PARTS_HTTP_PART_H_
