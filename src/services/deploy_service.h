// DeployService: see protos/grpc_os/v1/deploy_services.proto.
#ifndef GRPC_OS_SERVICES_DEPLOY_SERVICE_H_
#define GRPC_OS_SERVICES_DEPLOY_SERVICE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "core/deploy/deploys.h"
#include "core/domain/domains.h"
#include "core/process/processes.h"
#include "core/scheduler.h"
#include "core/volume/volumes.h"
#include "grpc_os/v1/deploy_services.pb.h"
#include "services/handlers.h"

namespace grpc_os::services {

class DeployService {
 public:
  struct Parts {
    core::Scheduler& scheduler;
    core::Processes& processes;
    core::Volumes& volumes;
    const core::Domains& domains;
    core::Deploys& deploys;
  };
  DeployService(Handlers& handlers, const Parts& parts);

 private:
  using RevisionCall = std::shared_ptr<UnaryCall<v1::Revision>>;

  void AddDeploys(Handlers& handlers);
  void AddReads(Handlers& handlers);
  // On the core's thread, as all below.
  void Deploy(const RevisionCall& call, core::Deploys::Wanted wanted, core::Origin origin) const;
  v1::Revision Show(const core::Revision& revision) const;
  core::Deploys::Done AnswerWith(const RevisionCall& call) const;
  // The name of a process that the caller may know of, and that has, or had, revisions.
  absl::StatusOr<std::string> NameFor(const Call& call, const std::string& reference) const;

  const Parts parts_;
};

}  // namespace grpc_os::services

#endif  // GRPC_OS_SERVICES_DEPLOY_SERVICE_H_
