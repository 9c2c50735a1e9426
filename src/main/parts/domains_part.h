// Domains as they are wanted. What serves them is the edge's part.
#ifndef GRPC_OS_MAIN_PARTS_DOMAINS_PART_H_
#define GRPC_OS_MAIN_PARTS_DOMAINS_PART_H_

#include <memory>
#include <string>
#include <utility>

#include "core/domain/domains.h"
#include "core/scheduler.h"
#include "host/public_suffix.h"
#include "main/parts/identity_part.h"
#include "main/parts/store_part.h"
#include "main/parts/system_log.h"

namespace grpc_os {

class DomainsPart final : public Part {
 public:
  struct Needs {
    const SystemLog& log;
    const StorePart& store;
    const IdentityPart& identity;
    core::Scheduler& scheduler;
    std::string file;  // domains.conf
  };
  explicit DomainsPart(Needs needs) : needs_(std::move(needs)) {}

  absl::Status Start() override {
    const core::Identity& identity = needs_.identity.identity();
    domains_ = std::make_unique<core::Domains>(core::Domains::Parts{
        .store = needs_.store.store(),
        .scheduler = needs_.scheduler,
        .logger = needs_.log.logger(),
        .may =
            [&identity](const core::Origin& origin, const char* permission, std::string_view name) {
              uint64_t version = 0;
              return identity.CheckAllowed(origin.record.session_id, permission, name, version);
            },
        .is_public_suffix = host::IsPublicSuffix,
        .file = needs_.file});
    return domains_->Load(needs_.store.store().NewestRevision());
  }

  core::Domains& domains() const { return *domains_; }

 private:
  const Needs needs_;
  std::unique_ptr<core::Domains> domains_;
};

}  // namespace grpc_os

#endif  // GRPC_OS_MAIN_PARTS_DOMAINS_PART_H_
