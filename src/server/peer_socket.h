// The side socket that tells local clients' uids: gRPC hides a unix socket's peer.
#ifndef GRPC_OS_SERVER_PEER_SOCKET_H_
#define GRPC_OS_SERVER_PEER_SOCKET_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/acceptor.h"
#include "base/event_loop.h"
#include "base/unique_fd.h"
#include "core/identity/identity.h"

namespace grpc_os::server {

// Whoever connects gets one line, a ticket for the uid that the kernel names (SO_PEERCRED), and is
// hung up on. Lives on the loop's thread.
class PeerSocket {
 public:
  static absl::StatusOr<std::unique_ptr<PeerSocket>> Listen(const std::string& path,
                                                            EventLoop& loop,
                                                            core::Identity& identity);

 private:
  PeerSocket(UniqueFd listener, EventLoop& loop, core::Identity& identity);
  void Take(UniqueFd client);

  core::Identity& identity_;
  Acceptor acceptor_;
};

}  // namespace grpc_os::server

#endif  // GRPC_OS_SERVER_PEER_SOCKET_H_
