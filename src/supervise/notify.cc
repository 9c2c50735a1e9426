#include "supervise/notify.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

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
constexpr int kDiscarded = 10'000;          // far more than a socket's queue holds

// Descriptors that came along are closed: those of FDSTORE=1, and that of BARRIER=1, whose sender
// waits for just that.
Sender TakeSender(msghdr& header) {
  Sender sender;
  for (cmsghdr* control = CMSG_FIRSTHDR(&header); control != nullptr;
       control = CMSG_NXTHDR(&header, control)) {
    if (control->cmsg_level != SOL_SOCKET) continue;
    if (control->cmsg_type == SCM_CREDENTIALS) {
      ucred credentials{};
      memcpy(&credentials, CMSG_DATA(control), sizeof credentials);
      sender = {credentials.pid, credentials.uid};
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

// A zombie is gone too: it has left its cgroup. The pidfd of one that lives is readable at its end.
bool Sender::Gone() const {
  const UniqueFd process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!process) return errno == ESRCH;
  pollfd ended{process.get(), POLLIN, 0};
  return poll(&ended, 1, 0) == 1;
}

int64_t ReadinessPace::Take(int64_t now_ms) {
  const int64_t free_at_ms = std::max(free_at_ms_, now_ms) + kEachMs;
  const int64_t wait_ms = free_at_ms - now_ms - kBurst * kEachMs;
  if (wait_ms > 0) return wait_ms;
  free_at_ms_ = free_at_ms;
  return 0;
}

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

void NotifySocket::Receive(const std::function<bool(const Sender&)>& accept,
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
    const Sender sender = TakeSender(header);
    if (sender.pid > 0 && accept(sender)) {
      sink(ParseNotification({text, static_cast<size_t>(size)}));
    }
  }
}

void NotifySocket::Discard() {
  for (int i = 0; i < kDiscarded; ++i) {
    if (recv(fd_.get(), nullptr, 0, MSG_DONTWAIT) < 0 && errno != EINTR) return;
  }
}

}  // namespace grpc_os::supervise
