#include "client/address.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/limits.h"

namespace grpc_os::client {

std::string Address::ToString() const { return is_unix ? "unix:" + path : host_port; }

std::string Address::DisplayHost() const {
  return is_unix ? "local" : host_port.substr(0, host_port.rfind(':'));
}

absl::StatusOr<Address> ParseAddress(std::string_view text) {
  if (text.starts_with("unix:")) {
    std::string_view rest = text.substr(5);
    if (rest.starts_with("//")) rest.remove_prefix(2);  // unix:///path is the same place
    if (rest.empty()) {
      return absl::InvalidArgumentError("The address \"unix:\" lacks the path of a socket.");
    }
    std::error_code error;
    const auto absolute = std::filesystem::absolute(std::string(rest), error);
    if (error) {
      return absl::InvalidArgumentError(absl::StrCat("The current directory cannot be read (",
                                                     error.message(),
                                                     "); give the socket's absolute path."));
    }
    Address address;
    address.is_unix = true;
    address.path = absolute.lexically_normal();
    if (address.path.size() > limits::kSocketPathBytes) {
      return absl::InvalidArgumentError(
          absl::StrCat("The socket path ", address.path, " has ", address.path.size(),
                       " bytes; the system allows ", limits::kSocketPathBytes,
                       ". Use a shorter data directory, or a symbolic link to it."));
    }
    return address;
  }
  Address address;
  address.host_port = std::string(text);
  const size_t colon = address.host_port.rfind(':');
  int port = 0;
  if (colon == std::string::npos || colon == 0 ||
      !absl::SimpleAtoi(address.host_port.substr(colon + 1), &port) || port < 1 || port > 65535) {
    return absl::InvalidArgumentError(
        absl::StrCat("The address \"", address.host_port,
                     "\" is neither unix:PATH nor HOST:PORT with a port of 1 to 65535."));
  }
  return address;
}

}  // namespace grpc_os::client
