#include "server/peer_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace grpc_os::server {

absl::StatusOr<std::unique_ptr<PeerSocket>> PeerSocket::Listen(const std::string& path,
                                                               EventLoop& loop,
                                                               core::Identity& identity) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return absl::InvalidArgumentError(absl::StrCat("the path ", path, " is too long for a socket"));
  memcpy(address.sun_path, path.data(), path.size());
  UniqueFd listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  unlink(path.c_str());  // the lock on the directory says that its owner is gone
  if (!listener ||
      bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      // Any local account may connect where it can reach the directory: the uid decides, not the
      // file's mode.
      chmod(path.c_str(), 0666) != 0 || listen(listener.get(), 128) != 0) {
    return absl::UnavailableError(absl::StrCat("cannot listen on ", path, ": ", strerror(errno)));
  }
  return std::unique_ptr<PeerSocket>(new PeerSocket(std::move(listener), loop, identity));
}

PeerSocket::PeerSocket(UniqueFd listener, EventLoop& loop, core::Identity& identity)
    : identity_(identity),
      acceptor_(loop, std::move(listener), [this](UniqueFd client) { Take(std::move(client)); }) {}

void PeerSocket::Take(UniqueFd client) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (getsockopt(client.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return;
  const std::string line = identity_.IssueTicket(peer.uid) + "\n";
  // Always fits into an empty socket buffer; a client that is gone already is no concern.
  (void)!send(client.get(), line.data(), line.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

}  // namespace grpc_os::server
