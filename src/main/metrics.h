// What /metrics shows.
#ifndef GRPC_OS_MAIN_METRICS_H_
#define GRPC_OS_MAIN_METRICS_H_

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "core/disk.h"
#include "core/domain/traffic_book.h"
#include "core/object/storage_usage.h"
#include "core/process/processes.h"
#include "core/scheduler.h"
#include "gateway/exposition.h"
#include "gateway/http_server.h"
#include "services/call.h"
#include "store/store.h"
#include "transport/server.h"

namespace grpc_os {

// Gathers what the parts count, when the page is asked for. Thread-safe; the parts outlive it and
// the server that it answers.
class Metrics {
 public:
  struct Parts {
    services::CallEnvironment& environment;
    const transport::Server& transport;
    core::Scheduler& scheduler;
    const core::Processes& processes;
    const store::Store& store;
    core::Disk& disk;
    core::StorageMeter& storage;
    std::function<std::vector<core::DomainCounts>()> domains;  // on the core's thread
  };
  explicit Metrics(const Parts& parts) : parts_(parts) {}

  // Answers with the page.
  void Serve(const std::shared_ptr<gateway::HttpExchange>& exchange) const;

 private:
  static constexpr size_t kStates = static_cast<size_t>(core::ProcessState::kHeld) + 1;
  using CountByState = std::array<int64_t, kStates>;

  CountByState CountProcesses() const;  // on the core's thread

  // A family is added here, in the function of the part that it is about.
  void AddBuild(gateway::Exposition& page) const;
  void AddCalls(gateway::Exposition& page) const;
  void AddTransport(gateway::Exposition& page) const;
  void AddProcesses(const CountByState& processes, gateway::Exposition& page) const;
  void AddStore(gateway::Exposition& page) const;
  void AddDisk(const core::DiskState& disk, int64_t unsaved, gateway::Exposition& page) const;
  static void AddDomains(const std::vector<core::DomainCounts>& domains, gateway::Exposition& page);
  static void AddStorage(const core::StorageUsage& storage, gateway::Exposition& page);

  const Parts parts_;
};

}  // namespace grpc_os

#endif  // GRPC_OS_MAIN_METRICS_H_
