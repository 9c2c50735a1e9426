// The API: its methods, the services that carry them out, the calls in progress.
#ifndef GRPC_OS_MAIN_PARTS_SERVICES_PART_H_
#define GRPC_OS_MAIN_PARTS_SERVICES_PART_H_

#include <memory>

#include "core/scheduler.h"
#include "main/parts/copy_hold.h"
#include "main/parts/deploys_part.h"
#include "main/parts/domains_part.h"
#include "main/parts/edge_part.h"
#include "main/parts/identity_part.h"
#include "main/parts/objects_part.h"
#include "main/parts/processes_part.h"
#include "main/parts/store_part.h"
#include "main/parts/system_log.h"
#include "main/parts/vitals.h"
#include "main/parts/volumes_part.h"
#include "manifest/settings.h"
#include "services/auth_service.h"
#include "services/deploy_service.h"
#include "services/domain_service.h"
#include "services/event_service.h"
#include "services/filesystem_service.h"
#include "services/handlers.h"
#include "services/process_service.h"
#include "services/system_service.h"

namespace grpc_os {

class ServicesPart final : public Part {
 public:
  struct Needs {
    const SystemLog& log;
    CopyHold& copy;
    const StorePart& store;
    const IdentityPart& identity;
    const ProcessesPart& processes;
    const VolumesPart& volumes;
    const ObjectsPart& objects;
    const DeploysPart& deploys;
    const DomainsPart& domains;
    EdgePart& edge;
    const Vitals& vitals;
    const manifest::Settings& settings;  // used until Start has returned
    core::Scheduler& scheduler;
  };
  explicit ServicesPart(const Needs& needs) : needs_(needs) {}

  absl::Status Start() override;
  void Tick(int64_t now_ms) override;
  void Stop() override { event_.reset(); }  // which hears of the store's commits

  services::CallEnvironment& environment() const { return *environment_; }
  const services::Handlers& handlers() const { return *handlers_; }

 private:
  const Needs needs_;
  std::unique_ptr<services::CallEnvironment> environment_;
  std::unique_ptr<services::Handlers> handlers_;
  std::unique_ptr<services::AuthService> auth_;
  std::unique_ptr<services::ProcessService> process_;
  std::unique_ptr<services::DeployService> deploy_;
  std::unique_ptr<services::DomainService> domain_;
  std::unique_ptr<services::EventService> event_;
  std::unique_ptr<services::FilesystemService> filesystem_;
  std::unique_ptr<services::SystemService> system_;
};

}  // namespace grpc_os

#endif  // GRPC_OS_MAIN_PARTS_SERVICES_PART_H_
