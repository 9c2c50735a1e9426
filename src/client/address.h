// Where a daemon listens.
#ifndef GRPC_OS_CLIENT_ADDRESS_H_
#define GRPC_OS_CLIENT_ADDRESS_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace grpc_os::client {

// "unix:PATH", "host:port", or "https://host:port" (by TLS).
struct Address {
  bool is_unix = false;
  std::string path = {};       // unix: absolute
  std::string host_port = {};  // otherwise
  bool secure = false;         // by TLS
  // PEM: whose certificates are taken, of the file that GRPC_OS_CA names; empty: the system's.
  std::string authorities = {};

  // As it was given, and as the token file is named after: "unix:/abs/path", "host:port",
  // "https://host:port".
  std::string ToString() const;
  std::string ToTarget() const;  // as gRPC takes it
  // The host without its port; "local" for unix.
  std::string DisplayHost() const;
};

// A relative path is taken from the current directory. INVALID_ARGUMENT: none of these forms, a
// socket path over 107 bytes, the most that a unix socket address holds, or a file of GRPC_OS_CA
// that cannot be read.
absl::StatusOr<Address> ParseAddress(std::string_view text);

}  // namespace grpc_os::client

#endif  // GRPC_OS_CLIENT_ADDRESS_H_
