// Where a daemon listens.
#ifndef GRPC_OS_CLIENT_ADDRESS_H_
#define GRPC_OS_CLIENT_ADDRESS_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace grpc_os::client {

// "unix:PATH" or "host:port".
struct Address {
  bool is_unix = false;
  std::string path = {};       // unix: absolute
  std::string host_port = {};  // otherwise

  // As gRPC takes it, and as the token file is named after: "unix:/abs/path" or "host:port".
  std::string ToString() const;
  // The host without its port; "local" for unix.
  std::string DisplayHost() const;
};

// A relative path is taken from the current directory. INVALID_ARGUMENT: neither form, or a socket
// path over 107 bytes, the most that a unix socket address holds.
absl::StatusOr<Address> ParseAddress(std::string_view text);

}  // namespace grpc_os::client

#endif  // GRPC_OS_CLIENT_ADDRESS_H_
