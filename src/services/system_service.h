// SystemService: see protos/grpc_os/v1/system_services.proto.
#ifndef GRPC_OS_SERVICES_SYSTEM_SERVICE_H_
#define GRPC_OS_SERVICES_SYSTEM_SERVICE_H_

#include <cstdint>
#include <functional>
#include <string>

#include "core/disk.h"
#include "core/event/event.h"
#include "core/object/storage_usage.h"
#include "core/process/processes.h"
#include "grpc_os/v1/system_services.grpc.pb.h"
#include "services/funnel.h"

namespace grpc_os::services {

// What the system learnt about its surroundings; on the core's thread.
struct SystemFacts {
  int64_t start_time_ms = 0;
  std::string cgroup_mode;
  bool shielded = false;
};

class SystemService final : public v1::SystemService::CallbackService {
 public:
  struct Parts {
    Funnel& funnel;
    core::Scheduler& scheduler;
    core::Processes& processes;
    core::EventLog& log;
    CallEnvironment& environment;
    const SystemFacts& facts;
    core::Disk& disk;
    core::StorageMeter& storage;
    // Makes it durable that nothing is held any more; on the core's thread.
    std::function<absl::Status()> end_hold;
  };
  explicit SystemService(const Parts& parts) : parts_(parts) {}

  grpc::ServerUnaryReactor* GetSystem(grpc::CallbackServerContext* context,
                                      const v1::GetSystemRequest* request,
                                      v1::System* response) override;
  grpc::ServerUnaryReactor* SetLogLevel(grpc::CallbackServerContext* context,
                                        const v1::SetLogLevelRequest* request,
                                        v1::SetLogLevelResponse* response) override;
  grpc::ServerUnaryReactor* Resume(grpc::CallbackServerContext* context,
                                   const v1::ResumeRequest* request,
                                   v1::ResumeResponse* response) override;

 private:
  absl::StatusOr<v1::ResumeResponse> EndHold() const;
  v1::System Describe() const;

  const Parts parts_;
};

}  // namespace grpc_os::services

#endif  // GRPC_OS_SERVICES_SYSTEM_SERVICE_H_
