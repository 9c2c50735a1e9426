#include "main/parts/services_part.h"

#include <utility>

#include "host/certificate.h"
#include "services/method_table.h"
#include "services/volume_methods.h"

namespace grpc_os {
namespace {

v1::GetConfigurationResponse ToProto(const std::vector<manifest::SettingInForce>& settings) {
  v1::GetConfigurationResponse response;
  for (const manifest::SettingInForce& setting : settings) {
    v1::Setting* const to = response.add_settings();
    to->set_name(setting.name);
    to->set_key(setting.key);
    to->set_value(setting.value);
    to->set_secret(setting.secret);
    to->set_is_set(setting.is_set);
    to->set_source(setting.source);
  }
  return response;
}

}  // namespace

absl::Status ServicesPart::Start() {
  auto methods = services::MethodTable::BuildApi();
  if (!methods.ok()) return methods.status();
  auto declarations = services::Declarations::BuildApi();
  if (!declarations.ok()) return declarations.status();
  core::Scheduler& scheduler = needs_.scheduler;
  store::Store& store = needs_.store.store();
  core::Disk& disk = needs_.store.disk();
  core::Identity& identity = needs_.identity.identity();
  const core::Digest& digest = needs_.identity.digest();
  core::Processes& processes = needs_.processes.processes();
  core::Volumes& volumes = needs_.volumes.volumes();
  core::Domains& domains = needs_.domains.domains();
  const services::SystemFacts& facts = needs_.processes.facts();
  const ObjectsPart& objects = needs_.objects;
  environment_ = std::make_unique<services::CallEnvironment>(
      services::CallEnvironment::Parts{identity, needs_.store.audit(), needs_.store.requests(),
                                       digest, needs_.log.logger(), scheduler,
                                       needs_.edge.secret()},
      *std::move(methods), *std::move(declarations));
  handlers_ = std::make_unique<services::Handlers>(*environment_);
  auth_ = std::make_unique<services::AuthService>(*handlers_, identity, store);
  process_ = std::make_unique<services::ProcessService>(
      *handlers_, services::ProcessService::Parts{
                      scheduler, processes, volumes, domains, needs_.processes.usage(),
                      needs_.processes.log_source(), needs_.processes.tasks(), store, facts});
  services::AddVolumeMethods(*handlers_, volumes);
  deploy_ = std::make_unique<services::DeployService>(
      *handlers_, services::DeployService::Parts{scheduler, processes, volumes, domains,
                                                 needs_.deploys.deploys()});
  domain_ = std::make_unique<services::DomainService>(
      *handlers_,
      services::DomainService::Parts{
          scheduler, processes, domains, needs_.edge.edge(), needs_.edge.access_logs(),
          [&scheduler](const std::string& domain, const std::string& field,
                       core::GivenCertificate& certificate, core::Violations& violations) {
            host::CheckCertificate(domain, field, scheduler.NowMs(), certificate, violations);
          }});
  event_ = std::make_unique<services::EventService>(
      *handlers_,
      services::EventService::Parts{scheduler, processes, volumes, domains, identity, store});
  filesystem_ = std::make_unique<services::FilesystemService>(
      *handlers_, services::FilesystemService::Parts{
                      objects.objects(), objects.quotas(), store, objects.blobs(),
                      objects.uploads(), digest, objects.checksum(), objects.system_objects(),
                      store, objects.content_hash(), objects.storage()});
  system_ = std::make_unique<services::SystemService>(
      *handlers_,
      services::SystemService::Parts{scheduler, processes, store, *environment_, facts, disk,
                                     objects.storage(), [this] { return needs_.copy.End(); },
                                     [this] { return needs_.vitals.Problems(); },
                                     needs_.copy.system_id(), ToProto(needs_.settings.in_force)});
  return handlers_->Check();
}

void ServicesPart::Tick(int64_t /*now_ms*/) { environment_->Tick(); }

}  // namespace grpc_os
