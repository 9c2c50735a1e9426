// Users, sessions, roles and audit records as the API shows them.
#ifndef GRPC_OS_SERVICES_CONVERT_IDENTITY_CONVERT_H_
#define GRPC_OS_SERVICES_CONVERT_IDENTITY_CONVERT_H_

#include <string>
#include <vector>

#include "core/audit/audit.h"
#include "core/identity/identity.h"
#include "core/violations.h"
#include "grpc_os/v1/auth_services.pb.h"

namespace grpc_os::services {

v1::Identity ToProto(const core::Caller& caller);
v1::LoginResponse ToProto(const core::Identity::Login& login);
v1::User ToProto(const core::User& user);
v1::Session ToProto(const core::Session& session, const core::Caller& caller);
v1::Role ToProto(const core::Role& role);
// Name, description and rules. `permissions`: those that there are. `field`: the path of the role
// in the request.
core::Role RoleFromProto(const v1::Role& role, const std::vector<core::Permission>& permissions,
                         const std::string& field, core::Violations& violations);
v1::AuditRecord ToProto(const core::AuditRecord& record);

// Milliseconds; the default of 90 days if it is unset.
int64_t TokenTtlFromProto(const v1::CreateTokenRequest& request, core::Violations& violations);
core::AuditQuery AuditQueryFromProto(const v1::ListAuditRecordsRequest& request,
                                     core::Violations& violations);

}  // namespace grpc_os::services

#endif  // GRPC_OS_SERVICES_CONVERT_IDENTITY_CONVERT_H_
