// Proof of who we are on this machine.
#ifndef GRPC_OS_CLIENT_PEER_TICKET_H_
#define GRPC_OS_CLIENT_PEER_TICKET_H_

#include <chrono>
#include <string>

#include "absl/status/statusor.h"

namespace grpc_os::client {

// Connects to the daemon's side socket, which sees our uid through the kernel, and reads the one
// line that it answers with: a ticket for AuthService.LoginPeer, without the newline.
// UNAVAILABLE: nobody listens there, or nothing came within `timeout`. PERMISSION_DENIED: the
// socket is not for this account.
absl::StatusOr<std::string> FetchPeerTicket(const std::string& socket_path,
                                            std::chrono::milliseconds timeout);

}  // namespace grpc_os::client

#endif  // GRPC_OS_CLIENT_PEER_TICKET_H_
