// /domains: each domain as a read-only object.
#ifndef GRPC_OS_CORE_DOMAIN_DOMAIN_FOLDER_H_
#define GRPC_OS_CORE_DOMAIN_DOMAIN_FOLDER_H_

#include <functional>
#include <string>

#include "core/domain/domains.h"
#include "core/object/system_objects.h"
#include "core/scheduler.h"

namespace grpc_os::core {

// Lines of "name: value": what is wanted, and what the reconciler made of it last. Thread-safe.
class DomainFolder final : public SystemFolder {
 public:
  DomainFolder(const Domains& domains, const Clock& clock) : domains_(domains), clock_(clock) {}

  void Find(const std::string& path, std::function<void(Found)> done) override;
  void List(const Range& range, std::function<void(Listed)> done) override;
  const char* permission() const override { return kDomainRead; }
  std::string ThingAt(const std::string& path) const override { return path; }

 private:
  const Domains& domains_;
  const Clock& clock_;
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_DOMAIN_DOMAIN_FOLDER_H_
