#include "client/address.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/limits.h"

namespace grpc_os::client {
namespace {

const std::string kHttps = "https://";

absl::StatusOr<std::string> ReadAuthorities() {
  const char* path = std::getenv("GRPC_OS_CA");
  if (path == nullptr || *path == '\0') return "";
  std::ifstream file(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)), {});
  if (file.good() && absl::StrContains(text, "BEGIN CERTIFICATE")) return text;
  return absl::InvalidArgumentError(
      absl::StrCat("GRPC_OS_CA names ", path,
                   ", which cannot be read or holds no certificate; it is a PEM file with the "
                   "certificates of the authorities that you trust."));
}

}  // namespace

std::string Address::ToString() const { return secure ? kHttps + host_port : ToTarget(); }

std::string Address::ToTarget() const { return is_unix ? "unix:" + path : host_port; }

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
  if (text.starts_with(kHttps)) {
    address.secure = true;
    address.host_port.erase(0, kHttps.size());
    auto authorities = ReadAuthorities();
    if (!authorities.ok()) return authorities.status();
    address.authorities = *std::move(authorities);
  }
  const size_t colon = address.host_port.rfind(':');
  int port = 0;
  if (colon == std::string::npos || colon == 0 ||
      !absl::SimpleAtoi(address.host_port.substr(colon + 1), &port) || port < 1 || port > 65535) {
    return absl::InvalidArgumentError(
        absl::StrCat("The address \"", address.ToString(),
                     "\" is none of unix:PATH, HOST:PORT and https://HOST:PORT with a port of 1 to "
                     "65535."));
  }
  return address;
}

}  // namespace grpc_os::client
