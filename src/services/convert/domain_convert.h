// Domains between the API and the core.
#ifndef GRPC_OS_SERVICES_CONVERT_DOMAIN_CONVERT_H_
#define GRPC_OS_SERVICES_CONVERT_DOMAIN_CONVERT_H_

#include "core/domain/domain.h"
#include "core/domain/edge.h"
#include "grpc_os/v1/domain_services.pb.h"

namespace grpc_os::services {

// What is not set is the default. Not checked: what the message cannot mean is out of range.
core::DomainSpec FromProto(const v1::DomainSpec& given);
core::GivenCertificate FromProto(const v1::DomainCertificate& given);
// Without secrets.
v1::DomainSpec ToProto(const core::DomainSpec& spec);
void ToProto(const core::Targets::View& target, v1::DomainTargetStatus& out);
void ToProto(const core::TrafficRates& rates, v1::DomainTraffic& out);

}  // namespace grpc_os::services

#endif  // GRPC_OS_SERVICES_CONVERT_DOMAIN_CONVERT_H_
