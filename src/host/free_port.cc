#include "host/free_port.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>

#include "base/unique_fd.h"

namespace grpc_os::host {
namespace {

// SO_REUSEADDR: what is left of connections that have ended (TIME_WAIT) keeps no server away.
bool CanBind(int family, const sockaddr* address, socklen_t size) {
  const UniqueFd socket(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) return true;  // there is no such family here
  const int on = 1;
  setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (family == AF_INET6) setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  return bind(socket.get(), address, size) == 0 || errno == EADDRNOTAVAIL;
}

}  // namespace

bool IsPortFree(int port) {
  sockaddr_in all{};
  all.sin_family = AF_INET;
  all.sin_port = htons(static_cast<uint16_t>(port));
  sockaddr_in6 all6{};
  all6.sin6_family = AF_INET6;
  all6.sin6_port = htons(static_cast<uint16_t>(port));
  return CanBind(AF_INET, reinterpret_cast<const sockaddr*>(&all), sizeof all) &&
         CanBind(AF_INET6, reinterpret_cast<const sockaddr*>(&all6), sizeof all6);
}

bool IsPortFreeAt(int port, const std::string& address) {
  sockaddr_in four{};
  four.sin_family = AF_INET;
  four.sin_port = htons(static_cast<uint16_t>(port));
  if (inet_pton(AF_INET, address.c_str(), &four.sin_addr) == 1)
    return CanBind(AF_INET, reinterpret_cast<const sockaddr*>(&four), sizeof four);
  sockaddr_in6 six{};
  six.sin6_family = AF_INET6;
  six.sin6_port = htons(static_cast<uint16_t>(port));
  if (inet_pton(AF_INET6, address.c_str(), &six.sin6_addr) == 1)
    return CanBind(AF_INET6, reinterpret_cast<const sockaddr*>(&six), sizeof six);
  return IsPortFree(port);
}

}  // namespace grpc_os::host
