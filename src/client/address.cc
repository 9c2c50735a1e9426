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

constexpr char kPort[] = ":50051";
constexpr char kTlsPort[] = ":50443";

absl::StatusOr<std::string> ReadAuthorities(const TlsOptions& tls) {
  const char* exported = std::getenv("GRPC_OS_CA");
  const std::string path = !tls.ca.empty() ? tls.ca : exported != nullptr ? exported : "";
  if (path.empty()) return "";
  std::ifstream file(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)), {});
  if (file.good() && absl::StrContains(text, "BEGIN CERTIFICATE")) return text;
  return absl::InvalidArgumentError(
      absl::StrCat(tls.ca.empty() ? "GRPC_OS_CA" : tls.ca_from, " names ", path,
                   ", which cannot be read or holds no certificate; it is a PEM file with the "
                   "certificates of the authorities that you trust."));
}

// "HOST:PORT" with the port that is meant where there is none; empty: it is nothing of the kind.
std::string WithPort(const std::string& text, const char* port) {
  const bool bracketed = text.starts_with('[') && absl::StrContains(text, ']');
  const size_t host_end = bracketed ? text.find(']') + 1 : text.find(':');
  const std::string host = text.substr(0, host_end);
  constexpr char kHostChars[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
  if (host.empty() || (!bracketed && host.find_first_not_of(kHostChars) != std::string::npos))
    return "";
  if (host.size() == text.size()) return host + port;
  int number = 0;
  const bool good = text[host.size()] == ':' &&
                    absl::SimpleAtoi(text.substr(host.size() + 1), &number) && number >= 1 &&
                    number <= 65535;
  return good ? absl::StrCat(host, ":", number) : "";
}

}  // namespace

std::string Address::ToString() const { return secure ? kHttps + host_port : ToTarget(); }

std::string Address::ToTarget() const { return is_unix ? "unix:" + path : host_port; }

std::string Address::DisplayHost() const {
  return is_unix ? "local" : host_port.substr(0, host_port.rfind(':'));
}

absl::StatusOr<Address> ParsePlace(std::string_view text, const TlsOptions& tls) {
  if (text.starts_with("unix:")) {
    if (tls.secure || !tls.ca.empty()) {
      return absl::InvalidArgumentError(absl::StrCat(
          tls.secure ? "--secure" : tls.ca_from, " is for HOST:PORT: what goes through ",
          std::string(text), " does not leave this machine."));
    }
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
  address.secure = tls.secure || text.starts_with(kHttps);
  if (text.starts_with(kHttps)) text.remove_prefix(kHttps.size());
  if (text.ends_with('/')) text.remove_suffix(1);
  address.host_port = WithPort(std::string(text), address.secure ? kTlsPort : kPort);
  if (address.host_port.empty()) {
    const bool is_path = text.find('/') != std::string_view::npos;
    return absl::InvalidArgumentError(absl::StrCat(
        "The address \"", std::string(text),
        "\" is none of unix:PATH, HOST:PORT and https://HOST:PORT with a port of 1 to 65535.",
        is_path ? absl::StrCat(" A socket's path is written unix:", std::string(text), ".") : ""));
  }
  if (!address.secure && !tls.ca.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        tls.ca_from, " is for TLS: add --secure, or write https://", address.host_port, "."));
  }
  return address;
}

absl::StatusOr<Address> ParseAddress(std::string_view text, const TlsOptions& tls) {
  auto address = ParsePlace(text, tls);
  if (!address.ok() || !address->secure) return address;
  auto authorities = ReadAuthorities(tls);
  if (!authorities.ok()) return authorities.status();
  address->authorities = *std::move(authorities);
  return address;
}

}  // namespace grpc_os::client
