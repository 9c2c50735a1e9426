// Whether a TCP port of this machine is free.
#ifndef GRPC_OS_HOST_FREE_PORT_H_
#define GRPC_OS_HOST_FREE_PORT_H_

#include <string>

namespace grpc_os::host {

// Nobody listens on it, at whatever address, by IPv4 or IPv6. Thread-safe, does not block.
bool IsPortFree(int port);
// As well, at this address alone, which is numeric; empty: at whatever address.
bool IsPortFreeAt(int port, const std::string& address);

}  // namespace grpc_os::host

#endif  // GRPC_OS_HOST_FREE_PORT_H_
