// What users may ask for of domains.
#ifndef GRPC_OS_CORE_DOMAIN_DOMAIN_RULES_H_
#define GRPC_OS_CORE_DOMAIN_DOMAIN_RULES_H_

#include <functional>
#include <string>

#include "core/domain/domain.h"
#include "core/violations.h"

namespace grpc_os::core {

// Ranges (protos/grpc_os/v1/domain_services.proto) of what a spec says beside its routes.
void CheckDomainLimits(const DomainSpec& spec, const std::string& field, Violations& violations);
// `owner_of`: for what gRPC OS itself listens on a port; empty: it does not.
void CheckDomainTarget(const DomainTarget& target, const std::string& field,
                       const std::function<std::string(int)>& owner_of, Violations& violations);
// gRPC's paths are its methods: nothing may be stripped of them.
absl::Status StripOfGrpc(const std::string& field);
// Of a certificate for this domain: notes when it ends, and keeps of its texts what is meant.
using CheckCertificate = std::function<void(const std::string& domain, const std::string& field,
                                            GivenCertificate& certificate, Violations& violations)>;
// All of a spec but its certificate: limits, routes, targets.
void CheckDomainSpec(const DomainSpec& spec, const std::string& field,
                     const std::function<std::string(int)>& owner_of, Violations& violations);

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_DOMAIN_DOMAIN_RULES_H_
