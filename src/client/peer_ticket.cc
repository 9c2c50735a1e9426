#include "client/peer_ticket.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/unique_fd.h"

namespace grpc_os::client {
namespace {

using Clock = std::chrono::steady_clock;

absl::Status Away(const std::string& path, const std::string& why) {
  return absl::UnavailableError(absl::StrCat(path, ": ", why));
}

// OK once `fd` has one of `events`, UNAVAILABLE after `deadline`. An interrupted wait (Ctrl-C) ends
// with CANCELLED.
absl::Status Await(int fd, short events, Clock::time_point deadline, const std::string& path) {
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
  struct pollfd poll_fd = {.fd = fd, .events = events, .revents = 0};
  const int ready = ::poll(&poll_fd, 1, static_cast<int>(std::max<int64_t>(left, 0)));
  if (ready > 0) return absl::OkStatus();
  if (ready == 0) return Away(path, "nothing came in time");
  if (errno == EINTR) return absl::CancelledError("Interrupted.");
  return Away(path, std::strerror(errno));
}

absl::Status Connect(int fd, const std::string& path, Clock::time_point deadline) {
  struct sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() > limits::kSocketPathBytes) {
    return absl::InvalidArgumentError(absl::StrCat("The socket path ", path, " has ", path.size(),
                                                   " bytes; the system allows ",
                                                   limits::kSocketPathBytes, "."));
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  // A full backlog answers EAGAIN at once on a unix socket: try again until the deadline.
  while (::connect(fd, reinterpret_cast<struct sockaddr*>(&address), sizeof(address)) != 0) {
    if (errno == EACCES || errno == EPERM) {
      return absl::PermissionDeniedError(
          absl::StrCat("This account may not use ", path,
                       ". Run as the account that runs gRPC OS, or as root."));
    }
    if (errno != EAGAIN && errno != EINTR) return Away(path, std::strerror(errno));
    if (Clock::now() >= deadline) return Away(path, "it takes no connection");
    ::poll(nullptr, 0, 10);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> FetchPeerTicket(const std::string& socket_path,
                                            std::chrono::milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return Away(socket_path, std::strerror(errno));
  if (auto status = Connect(fd.get(), socket_path, deadline); !status.ok()) return status;

  std::string line;
  while (line.size() <= limits::kTokenBytes) {
    if (auto status = Await(fd.get(), POLLIN, deadline, socket_path); !status.ok()) return status;
    char buffer[512];
    const ssize_t n = ::read(fd.get(), buffer, sizeof(buffer));
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n < 0) return Away(socket_path, std::strerror(errno));
    if (n == 0) return Away(socket_path, "the connection was closed without a ticket");
    line.append(buffer, static_cast<size_t>(n));
    if (const size_t end = line.find('\n'); end != std::string::npos) return line.substr(0, end);
  }
  return Away(socket_path, "what came is too long for a ticket");
}

}  // namespace grpc_os::client
