#include "host/loopback_peers.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cstring>

#include "base/unique_fd.h"

namespace grpc_os::host {
namespace {

constexpr int kWaitUs = 100'000;  // the kernel answers at once, or not at all

struct Request {
  nlmsghdr header;
  inet_diag_req_v2 body;
};

}  // namespace

std::optional<int64_t> UidOfLoopbackPeer(const std::string& address, int port, int own_port) {
  in_addr there{};
  if (inet_pton(AF_INET, address.c_str(), &there) != 1 ||
      ntohl(there.s_addr) >> 24 != IN_LOOPBACKNET)
    return std::nullopt;
  Request request{};
  request.header = {.nlmsg_len = sizeof(request),
                    .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                    .nlmsg_flags = NLM_F_REQUEST,
                    .nlmsg_seq = 1,
                    .nlmsg_pid = 0};
  request.body.sdiag_family = AF_INET;
  request.body.sdiag_protocol = IPPROTO_TCP;
  request.body.idiag_states = ~0U;
  // Of the other end's socket: its own address, and ours, where we listen.
  request.body.id.idiag_src[0] = there.s_addr;
  request.body.id.idiag_dst[0] = htonl(INADDR_LOOPBACK);
  request.body.id.idiag_sport = htons(static_cast<uint16_t>(port));
  request.body.id.idiag_dport = htons(static_cast<uint16_t>(own_port));
  request.body.id.idiag_cookie[0] = request.body.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
  const UniqueFd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (!fd) return std::nullopt;
  const timeval wait{.tv_sec = 0, .tv_usec = kWaitUs};
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
  if (send(fd.get(), &request, sizeof(request), 0) != sizeof(request)) return std::nullopt;
  alignas(nlmsghdr) std::array<char, 4096> answer{};
  const ssize_t size = recv(fd.get(), answer.data(), answer.size(), 0);
  nlmsghdr header{};
  inet_diag_msg found{};
  if (size < static_cast<ssize_t>(NLMSG_LENGTH(sizeof(found)))) return std::nullopt;
  memcpy(&header, answer.data(), sizeof(header));
  if (header.nlmsg_type != SOCK_DIAG_BY_FAMILY) return std::nullopt;
  memcpy(&found, answer.data() + NLMSG_HDRLEN, sizeof(found));
  // One that was closed has uid 0, whosever it was.
  if (found.idiag_state != TCP_ESTABLISHED || found.id.idiag_sport != request.body.id.idiag_sport)
    return std::nullopt;
  return found.idiag_uid;
}

}  // namespace grpc_os::host
