// DomainService: see protos/grpc_os/v1/domain_services.proto.
#ifndef GRPC_OS_SERVICES_DOMAIN_SERVICE_H_
#define GRPC_OS_SERVICES_DOMAIN_SERVICE_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/domain/domain_rules.h"
#include "core/domain/domains.h"
#include "core/domain/edge.h"
#include "core/process/process_ports.h"
#include "core/process/processes.h"
#include "core/scheduler.h"
#include "grpc_os/v1/domain_services.pb.h"
#include "services/handlers.h"

namespace grpc_os::services {

class DomainService {
 public:
  struct Parts {
    core::Scheduler& scheduler;
    core::Processes& processes;
    core::Domains& domains;
    core::Edge& edge;
    core::LogSource& access_logs;
    core::CheckCertificate check_certificate;
  };
  DomainService(Handlers& handlers, const Parts& parts);

 private:
  struct Kind;  // of ResourceMethods
  using DomainCall = std::shared_ptr<UnaryCall<v1::Domain>>;

  void AddAssign(Handlers& handlers);
  core::Assignment ReadAssignment(const v1::AssignDomainRequest& request,
                                  core::Violations& violations) const;
  core::Assignment ReadApi(const v1::AssignDomainRequest& request,
                           core::Violations& violations) const;
  void CheckApi(const std::string& name, const std::string& field,
                core::GivenCertificate& certificate, core::Violations& violations) const;
  void AddUnassign(Handlers& handlers);
  void AddLogs(Handlers& handlers);
  void AddReload(Handlers& handlers);
  // On the core's thread, as all below.
  v1::Domain Show(const core::Domain& domain, const Call& call) const;
  void ShowState(const core::Domain& domain, v1::DomainStatus& status) const;
  void Assign(const DomainCall& call, core::Assignment wanted, const core::Origin& origin) const;
  // Once what is committed is served or refused.
  void AnswerServed(const DomainCall& call, const std::string& name) const;
  // Puts the ids of processes in the place of references.
  absl::Status Resolve(core::DomainTarget& target, const core::Origin& origin) const;
  absl::Status Resolve(core::DomainSpec& spec, const core::Origin& origin) const;
  void Probe(const std::vector<std::string>& names, std::function<void()> done) const;

  const Parts parts_;
  // What the last probes came to, by ports. Of the core's thread.
  const std::shared_ptr<std::map<int, std::string>> probes_ =
      std::make_shared<std::map<int, std::string>>();
};

}  // namespace grpc_os::services

#endif  // GRPC_OS_SERVICES_DOMAIN_SERVICE_H_
