// Who is behind a TCP connection within this machine, as the kernel knows it (sock_diag(7)).
#ifndef GRPC_OS_HOST_LOOPBACK_PEERS_H_
#define GRPC_OS_HOST_LOOPBACK_PEERS_H_

#include <cstdint>
#include <optional>
#include <string>

namespace grpc_os::host {

// The uid that opened the connection from this address and port to our port; nullopt: it is no
// address of the loopback, or the kernel does not say (no netlink, another network namespace). To
// count by, not to trust: whoever ends a connection may leave its port to another. Asks for the one
// socket: no list is read. Needs no privilege. Thread-safe; quick.
std::optional<int64_t> UidOfLoopbackPeer(const std::string& address, int port, int own_port);

}  // namespace grpc_os::host

#endif  // GRPC_OS_HOST_LOOPBACK_PEERS_H_
