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
  // PEM: whose certificates are taken; empty: the system's.
  std::string authorities = {};

  // As it was given, and as the token file is named after: "unix:/abs/path", "host:port",
  // "https://host:port".
  std::string ToString() const;
  std::string ToTarget() const;  // as gRPC takes it
  // The host without its port; "local" for unix.
  std::string DisplayHost() const;
};

// What is said of an address beside its text.
struct TlsOptions {
  bool secure = false;  // "host:port" means "https://host:port"
  // The PEM file of the authorities, and what names it; empty: that of $GRPC_OS_CA, if any.
  std::string ca = {};
  std::string ca_from = "--ca";
};

// A relative path is taken from the current directory; without a port it is 50051, by TLS 50443.
// INVALID_ARGUMENT: none of these forms, a socket path over 107 bytes, the most that a unix socket
// address holds, TLS for a unix socket, authorities without TLS, or a file of authorities that
// cannot be read.
absl::StatusOr<Address> ParseAddress(std::string_view text, const TlsOptions& tls = {});
// The same without the authorities, which no file is read for.
absl::StatusOr<Address> ParsePlace(std::string_view text, const TlsOptions& tls = {});

}  // namespace grpc_os::client

#endif  // GRPC_OS_CLIENT_ADDRESS_H_
