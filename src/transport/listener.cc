#include "transport/listener.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/kept_listener.h"

namespace grpc_os::transport {
namespace {

constexpr int kBacklog = 1024;

absl::Status CannotListen(const std::string& where) {
  return absl::UnavailableError(absl::StrCat("cannot listen on ", where, ": ", strerror(errno)));
}

UniqueFd NewSocket(int family) {
  return UniqueFd(socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

}  // namespace

absl::StatusOr<UniqueFd> ListenUnix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return absl::InvalidArgumentError(absl::StrCat("the path ", path, " is too long for a socket"));
  memcpy(address.sun_path, path.data(), path.size());
  if (absl::Status free = CheckSocketPlace(path); !free.ok()) return free;
  UniqueFd listener = NewSocket(AF_UNIX);
  unlink(path.c_str());
  if (!listener ||
      bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      chmod(path.c_str(), 0666) != 0 || listen(listener.get(), kBacklog) != 0)
    return CannotListen(path);
  return listener;
}

absl::StatusOr<UniqueFd> ListenTcp(const std::string& address, int port) {
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  const bool is_v6 = inet_pton(AF_INET6, address.c_str(), &v6.sin6_addr) == 1;
  if (!is_v6 && inet_pton(AF_INET, address.c_str(), &v4.sin_addr) != 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", address, "' is no address of IPv4 or IPv6, as 127.0.0.1 is"));
  }
  v4.sin_family = AF_INET;
  v6.sin6_family = AF_INET6;
  v4.sin_port = v6.sin6_port = htons(static_cast<uint16_t>(port));
  UniqueFd listener = NewSocket(is_v6 ? AF_INET6 : AF_INET);
  const int yes = 1;  // a port that was left a moment ago is free
  if (!listener || setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
      bind(listener.get(),
           is_v6 ? reinterpret_cast<sockaddr*>(&v6) : reinterpret_cast<sockaddr*>(&v4),
           is_v6 ? sizeof v6 : sizeof v4) != 0 ||
      listen(listener.get(), kBacklog) != 0)
    return CannotListen(absl::StrCat(is_v6 ? "[" : "", address, is_v6 ? "]:" : ":", port));
  return listener;
}

int PortOf(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return 0;
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  memcpy(&v4, &storage, sizeof v4);
  memcpy(&v6, &storage, sizeof v6);
  return ntohs(storage.ss_family == AF_INET6 ? v6.sin6_port : v4.sin_port);
}

}  // namespace grpc_os::transport
