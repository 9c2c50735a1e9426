// Who is behind a TCP connection within this machine, as the kernel knows it (sock_diag(7)).
#ifndef GRPC_OS_HOST_LOOPBACK_PEERS_H_
#define GRPC_OS_HOST_LOOPBACK_PEERS_H_

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "core/identity/identity_ports.h"

namespace grpc_os::host {

// Asks for the one socket at the other end, by its addresses and ports: no list is read. Needs no
// privilege. Where the kernel does not answer (no netlink, another network namespace), nothing is
// known.
class LoopbackPeers final : public core::LoopbackPeers {
 public:
  // Of connections to this port of ours; until it is set, nothing is known.
  void SetPort(int port) { port_.store(port); }
  std::optional<int64_t> UidOf(const std::string& address, int port) const override;

 private:
  std::atomic<int> port_{0};
};

}  // namespace grpc_os::host

#endif  // GRPC_OS_HOST_LOOPBACK_PEERS_H_
