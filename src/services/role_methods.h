// The methods of AuthService about roles.
#ifndef GRPC_OS_SERVICES_ROLE_METHODS_H_
#define GRPC_OS_SERVICES_ROLE_METHODS_H_

#include "core/identity/identity.h"
#include "services/handlers.h"

namespace grpc_os::services {

// Enters them.
void AddRoleMethods(Handlers& handlers, core::Identity& identity);

}  // namespace grpc_os::services

#endif  // GRPC_OS_SERVICES_ROLE_METHODS_H_
