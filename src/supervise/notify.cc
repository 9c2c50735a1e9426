#include "supervise/notify.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "supervise/printable.h"

namespace grpc_os::supervise {
namespace {

constexpr size_t kDatagramBytesMax = 4096;  // longer ones are cut

// The sender as the kernel knows it; 0 if unknown. Descriptors that came along (FDSTORE=1) are
// closed.
pid_t TakeSender(msghdr& header) {
  pid_t sender = 0;
  for (cmsghdr* control = CMSG_FIRSTHDR(&header); control != nullptr;
       control = CMSG_NXTHDR(&header, control)) {
    if (control->cmsg_level != SOL_SOCKET) continue;
    if (control->cmsg_type == SCM_CREDENTIALS) {
      ucred credentials{};
      memcpy(&credentials, CMSG_DATA(control), sizeof credentials);
      sender = credentials.pid;
    } else if (control->cmsg_type == SCM_RIGHTS) {
      const size_t count = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
      for (size_t i = 0; i < count; ++i) {
        int fd = -1;
        memcpy(&fd, CMSG_DATA(control) + i * sizeof(int), sizeof fd);
        const UniqueFd closed(fd);
      }
    }
  }
  return sender;
}

}  // namespace

Notification ParseNotification(std::string_view datagram) {
  Notification notification;
  while (!datagram.empty()) {
    const size_t end = datagram.find('\n');
    const std::string_view line = datagram.substr(0, end);
    if (line == "READY=1") notification.ready = true;
    if (line == "STOPPING=1") notification.stopping = true;
    if (line.starts_with("STATUS="))
      notification.status = Printable(line.substr(7), kStatusBytesMax);
    if (end == std::string_view::npos) break;
    datagram.remove_prefix(end + 1);
  }
  return notification;
}

absl::StatusOr<NotifySocket> NotifySocket::Bind(const std::string& instance_id) {
  NotifySocket made;
  made.address_ = absl::StrCat("@grpc-os-notify-", instance_id);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (made.address_.size() > sizeof address.sun_path) {
    return absl::InvalidArgumentError(absl::StrCat("too long for a socket: ", made.address_));
  }
  memcpy(address.sun_path + 1, made.address_.data() + 1, made.address_.size() - 1);
  made.fd_.Reset(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int on = 1;
  const auto length =
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + made.address_.size());
  if (!made.fd_ || setsockopt(made.fd_.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0 ||
      bind(made.fd_.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0) {
    return absl::ResourceExhaustedError(
        absl::StrCat("cannot listen at ", made.address_, ": ", strerror(errno)));
  }
  return made;
}

void NotifySocket::Receive(const std::function<bool(pid_t)>& accept,
                           const std::function<void(const Notification&)>& sink) {
  char text[kDatagramBytesMax];
  for (int i = 0; i < kBatch; ++i) {
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(ucred)) + CMSG_SPACE(sizeof(int) * 16)];
    iovec part{text, sizeof text};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    const ssize_t size = recvmsg(fd_.get(), &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return;
    const pid_t sender = TakeSender(header);
    if (sender > 0 && accept(sender)) {
      sink(ParseNotification({text, static_cast<size_t>(size)}));
    }
  }
}

}  // namespace grpc_os::supervise
