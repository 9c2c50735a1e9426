// SystemService: see protos/grpc_os/v1/system_services.proto.
#ifndef GRPC_OS_SERVICES_SYSTEM_SERVICE_H_
#define GRPC_OS_SERVICES_SYSTEM_SERVICE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/disk.h"
#include "core/event/event.h"
#include "core/object/storage_usage.h"
#include "core/process/processes.h"
#include "grpc_os/v1/system_services.pb.h"
#include "services/handlers.h"

namespace grpc_os::services {

// What the system learnt about its surroundings; on the core's thread.
struct SystemFacts {
  int64_t start_time_ms = 0;
  std::string cgroup_mode;
  bool shielded = false;
};

class SystemService {
 public:
  struct Parts {
    core::Scheduler& scheduler;
    core::Processes& processes;
    core::EventLog& log;
    CallEnvironment& environment;
    const SystemFacts& facts;
    core::Disk& disk;
    core::StorageMeter& storage;
    // Makes it durable that nothing is held any more; on the core's thread.
    std::function<absl::Status()> end_hold;
    // What is wrong, each as a sentence with its cure; on the core's thread.
    std::function<std::vector<std::string>()> problems;
    std::string system_id;
    v1::GetConfigurationResponse configuration;
  };
  SystemService(Handlers& handlers, const Parts& parts);

 private:
  absl::StatusOr<v1::ResumeResponse> EndHold() const;
  v1::System Describe() const;

  const Parts parts_;
};

}  // namespace grpc_os::services

#endif  // GRPC_OS_SERVICES_SYSTEM_SERVICE_H_
