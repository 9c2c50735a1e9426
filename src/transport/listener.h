// Sockets that listen.
#ifndef GRPC_OS_TRANSPORT_LISTENER_H_
#define GRPC_OS_TRANSPORT_LISTENER_H_

#include <string>

#include "absl/status/statusor.h"
#include "base/unique_fd.h"

namespace grpc_os::transport {

// Takes the path over from a program that has ended. UNAVAILABLE, FAILED_PRECONDITION (as
// CheckSocketPlace): why not. Whoever can reach it in its directory may connect: what they may do,
// their uid decides.
absl::StatusOr<UniqueFd> ListenUnix(const std::string& path);

// `address`: of IPv4 or IPv6, in numbers; `port` 0: any free one. A port that another program
// listens on is not shared. UNAVAILABLE: it is taken, or cannot be had.
absl::StatusOr<UniqueFd> ListenTcp(const std::string& address, int port);

// Its own, of a TCP socket that listens or is connected.
int PortOf(int fd);

}  // namespace grpc_os::transport

#endif  // GRPC_OS_TRANSPORT_LISTENER_H_
