// The other end of a connection.
#ifndef GRPC_OS_TRANSPORT_PEER_H_
#define GRPC_OS_TRANSPORT_PEER_H_

#include <sys/socket.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace grpc_os::transport {

struct Peer {
  bool local = false;      // over a unix socket
  bool relay = false;      // others speak through it, whom its uid says nothing of
  bool encrypted = false;  // by TLS
  int64_t uid = -1;        // as the kernel knows it: SO_PEERCRED, or UidOf; -1: unknown
  std::string address;     // of one that is not local, without its port
  int port = 0;
  std::string user;  // whose budgets it takes: "uid N", or the address (IPv6: its /64)
};

// Asks the kernel for the uid behind a connection within this machine.
using UidOf =
    std::function<std::optional<int64_t>(const std::string& address, int port, int own_port)>;

// Of a connection that was accepted on a listener of this kind. Nothing: it has gone already.
std::optional<Peer> PeerOf(int fd, bool local, const UidOf& uid_of);

}  // namespace grpc_os::transport

#endif  // GRPC_OS_TRANSPORT_PEER_H_
