// What the service manager that started us (systemd) is told.
#ifndef GRPC_OS_INIT_SERVICE_MANAGER_H_
#define GRPC_OS_INIT_SERVICE_MANAGER_H_

#include <string>
#include <vector>

namespace grpc_os::init {

// Sends `state` ("READY=1", …: sd_notify(3)) to the NOTIFY_SOCKET of `environment`. Nothing where
// there is none, or where nobody takes it just now.
void NotifyServiceManager(const std::vector<std::string>& environment, const std::string& state);

}  // namespace grpc_os::init

#endif  // GRPC_OS_INIT_SERVICE_MANAGER_H_
