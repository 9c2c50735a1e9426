// SystemService: see protos/grpc_os/v1/system_services.proto.
#ifndef GRPC_OS_SERVICES_SYSTEM_SERVICE_H_
#define GRPC_OS_SERVICES_SYSTEM_SERVICE_H_

#include <cstdint>
#include <string>

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
  SystemService(Funnel& funnel, core::Scheduler& scheduler, core::Processes& processes,
                CallEnvironment& environment, const SystemFacts& facts)
      : funnel_(funnel),
        scheduler_(scheduler),
        processes_(processes),
        environment_(environment),
        facts_(facts) {}

  grpc::ServerUnaryReactor* GetSystem(grpc::CallbackServerContext* context,
                                      const v1::GetSystemRequest* request,
                                      v1::System* response) override;

 private:
  v1::System Describe() const;

  Funnel& funnel_;
  core::Scheduler& scheduler_;
  core::Processes& processes_;
  CallEnvironment& environment_;
  const SystemFacts& facts_;
};

}  // namespace grpc_os::services

#endif  // GRPC_OS_SERVICES_SYSTEM_SERVICE_H_
