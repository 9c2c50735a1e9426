#include "transport/peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "transport/listener.h"

namespace grpc_os::transport {
namespace {

std::string Text(int family, const void* address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(family, address, text.data(), text.size());
  return text.data();
}

}  // namespace

std::optional<Peer> PeerOf(int fd, bool local, const UidOf& uid_of) {
  Peer peer;
  peer.local = local;
  if (local) {
    ucred credentials{};
    socklen_t size = sizeof credentials;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return std::nullopt;
    peer.uid = credentials.uid;
    peer.user = absl::StrCat("uid ", peer.uid);
    return peer;
  }
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return std::nullopt;
  if (storage.ss_family == AF_INET6) {
    sockaddr_in6 address{};
    memcpy(&address, &storage, sizeof address);
    peer.port = ntohs(address.sin6_port);
    if (IN6_IS_ADDR_V4MAPPED(&address.sin6_addr)) {
      peer.user = peer.address = Text(AF_INET, &address.sin6_addr.s6_addr[12]);
    } else {
      peer.address = Text(AF_INET6, &address.sin6_addr);
      memset(&address.sin6_addr.s6_addr[8], 0, 8);
      peer.user = absl::StrCat(Text(AF_INET6, &address.sin6_addr), "/64");
    }
  } else {
    sockaddr_in address{};
    memcpy(&address, &storage, sizeof address);
    peer.port = ntohs(address.sin_port);
    peer.user = peer.address = Text(AF_INET, &address.sin_addr);
  }
  if (uid_of != nullptr) {
    const auto uid = uid_of(peer.address, peer.port, PortOf(fd));
    if (uid.has_value()) {
      peer.uid = *uid;
      peer.user = absl::StrCat("uid ", peer.uid);
    }
  }
  return peer;
}

}  // namespace grpc_os::transport
