#include "supervise/probe.h"

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace grpc_os::supervise {
namespace {

std::string ErrorText(int error) {
  const char* text = strerrordesc_np(error);
  return text == nullptr ? absl::StrCat("error ", error) : absl::AsciiStrToLower(text);
}

bool IsIpv6Loopback(const sockaddr_storage& address) {
  return address.ss_family == AF_INET6 &&
         IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6&>(address).sin6_addr);
}

}  // namespace

std::string TimeText(int64_t ms) {
  if (ms % 1000 == 0) return absl::StrCat(ms / 1000, " s");
  return absl::StrCat(ms, " ms");
}

Probe::Probe(EventLoop& loop, const Listener& to, int port, const std::string& path,
             int64_t timeout_ms, std::function<void(Answer)> done)
    : loop_(loop), done_(std::move(done)), http_(!path.empty()) {
  if (http_) {
    request_ = absl::StrCat("GET ", path, " HTTP/1.1\r\nHost: localhost:", port,
                            "\r\nUser-Agent: grpc-os-probe\r\nAccept: */*\r\n"
                            "Connection: close\r\n\r\n");
  }
  timer_ = loop_.After(timeout_ms, [this, timeout_ms] {
    timer_ = 0;
    Finish(false, absl::StrCat("no answer within ", TimeText(timeout_ms)));
  });
  Connect(to);
}

Probe::~Probe() {
  if (socket_) loop_.Unwatch(socket_.get());
  loop_.Cancel(timer_);
}

void Probe::Connect(const Listener& to) {
  socket_.Reset(
      socket(to.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP));
  const bool begun =
      socket_ && (connect(socket_.get(), reinterpret_cast<const sockaddr*>(&to.address),
                          to.address_bytes) == 0 ||
                  errno == EINPROGRESS);
  if (!begun && IsIpv6Loopback(to.address)) {
    // Listening on all addresses of IPv6 works, and means those of IPv4 too, where IPv6 itself is
    // switched off.
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = reinterpret_cast<const sockaddr_in6&>(to.address).sin6_port;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    Listener by_ipv4;
    memcpy(&by_ipv4.address, &address, sizeof address);
    by_ipv4.address_bytes = sizeof address;
    return Connect(by_ipv4);
  }
  if (!begun) {
    const std::string error = ErrorText(errno);
    socket_.Reset();
    return FinishLater(error);
  }
  loop_.Watch(socket_.get(), EPOLLOUT, [this](uint32_t) { OnEvents(); });
}

void Probe::OnEvents() {
  if (!connected_) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return Finish(false, ErrorText(error));
    connected_ = true;
    if (!http_) return Finish(true, "connected");
  }
  if (!request_.empty()) return Send();
  Receive();
}

void Probe::Send() {
  const ssize_t sent =
      send(socket_.get(), request_.data(), request_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (sent < 0) return Finish(false, ErrorText(errno));
  request_.erase(0, static_cast<size_t>(sent));
  if (request_.empty()) loop_.Rewatch(socket_.get(), EPOLLIN);
}

// A piece a turn: who sends without end does not keep the loop.
void Probe::Receive() {
  char buffer[16 << 10];
  const ssize_t size = recv(socket_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size < 0) return Finish(false, ErrorText(errno));
  const HttpAnswer::State state =
      size == 0 ? answer_.End() : answer_.Take({buffer, static_cast<size_t>(size)});
  if (state == HttpAnswer::State::kMore) return;
  if (state == HttpAnswer::State::kBad) return Finish(false, answer_.error());
  Finish(answer_.status() >= 200 && answer_.status() < 400,
         absl::StrCat("HTTP ", answer_.status()));
}

void Probe::Finish(bool good, const std::string& text) {
  if (socket_) loop_.Unwatch(socket_.get());
  socket_.Reset();
  loop_.Cancel(std::exchange(timer_, 0));
  const auto done = std::exchange(done_, nullptr);
  done({good, text});  // which may end this
}

void Probe::FinishLater(const std::string& text) {
  loop_.Cancel(timer_);
  timer_ = loop_.After(0, [this, text] {
    timer_ = 0;
    Finish(false, text);
  });
}

}  // namespace grpc_os::supervise
