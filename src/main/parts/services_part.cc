#include "main/parts/services_part.h"

#include <utility>

#include "services/method_table.h"

namespace grpc_os {

absl::Status ServicesPart::Start() {
  auto methods = services::MethodTable::BuildApi();
  if (!methods.ok()) return methods.status();
  core::Scheduler& scheduler = needs_.scheduler;
  store::Store& store = needs_.store.store();
  core::Disk& disk = needs_.store.disk();
  core::Identity& identity = needs_.identity.identity();
  const core::Digest& digest = needs_.identity.digest();
  core::Processes& processes = needs_.processes.processes();
  const services::SystemFacts& facts = needs_.processes.facts();
  const ObjectsPart& objects = needs_.objects;
  environment_ = std::make_unique<services::CallEnvironment>(
      services::CallEnvironment::Parts{identity, needs_.store.audit(), needs_.store.requests(),
                                       digest, needs_.log.logger(), scheduler, &loopback_},
      *std::move(methods));
  funnel_ = std::make_unique<services::Funnel>(*environment_);
  auth_ = std::make_unique<services::AuthService>(*funnel_, identity, store);
  process_ = std::make_unique<services::ProcessService>(
      services::ProcessService::Parts{*funnel_, scheduler, processes, needs_.processes.usage(),
                                      needs_.processes.log_source(), store, facts});
  event_ = std::make_unique<services::EventService>(
      services::EventService::Parts{*funnel_, scheduler, processes, identity, store});
  filesystem_ = std::make_unique<services::FilesystemService>(services::FilesystemService::Parts{
      *funnel_, objects.objects(), objects.quotas(), store, objects.blobs(), objects.uploads(),
      digest, objects.checksum(), objects.system_objects(), store, objects.content_hash(),
      objects.storage()});
  system_ = std::make_unique<services::SystemService>(services::SystemService::Parts{
      *funnel_, scheduler, processes, store, *environment_, facts, disk, objects.storage(),
      [this] { return needs_.copy.End(); }});
  return absl::OkStatus();
}

void ServicesPart::Tick(int64_t /*now_ms*/) { environment_->Tick(); }

std::vector<grpc::Service*> ServicesPart::services() const {
  return {auth_.get(), process_.get(), event_.get(), filesystem_.get(), system_.get()};
}

}  // namespace grpc_os
