#include "base/acceptor.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "base/limits.h"

namespace grpc_os {
namespace {

UniqueFd AcceptOne(int listener) {
  return UniqueFd(accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
}

bool IsShortOfDescriptors(int error) { return error == EMFILE || error == ENFILE; }

}  // namespace

Acceptor::Acceptor(EventLoop& loop, UniqueFd listener, std::function<void(UniqueFd)> take)
    : loop_(loop),
      listener_(std::move(listener)),
      take_(std::move(take)),
      spare_(fcntl(listener_.get(), F_DUPFD_CLOEXEC, 0)) {
  fcntl(listener_.get(), F_SETFL, fcntl(listener_.get(), F_GETFL) | O_NONBLOCK);
  loop_.Watch(listener_.get(), EPOLLIN, [this](uint32_t) { Accept(); });
}

Acceptor::~Acceptor() {
  loop_.Cancel(timer_);
  loop_.Unwatch(listener_.get());
}

void Acceptor::TakeWaiting() {
  while (Accept()) {
  }
}

bool Acceptor::Accept() {
  for (int i = 0; i < limits::kAcceptsPerTurn; ++i) {
    UniqueFd connection = AcceptOne(listener_.get());
    if (connection) {
      take_(std::move(connection));
    } else if (IsShortOfDescriptors(errno)) {
      if (!RefuseOne()) {
        Pause();
        return false;
      }
    } else if (errno != EINTR && errno != ECONNABORTED) {
      return false;
    }
  }
  return true;
}

bool Acceptor::RefuseOne() {
  if (!spare_) spare_.Reset(fcntl(listener_.get(), F_DUPFD_CLOEXEC, 0));
  if (!spare_) return false;
  spare_.Reset();
  const bool still_short = !AcceptOne(listener_.get()) && IsShortOfDescriptors(errno);
  spare_.Reset(fcntl(listener_.get(), F_DUPFD_CLOEXEC, 0));
  return !still_short;
}

void Acceptor::Pause() {
  loop_.Cancel(timer_);
  loop_.Rewatch(listener_.get(), 0);
  timer_ = loop_.After(limits::kAcceptPauseMs, [this] {
    timer_ = 0;
    loop_.Rewatch(listener_.get(), EPOLLIN);
  });
}

}  // namespace grpc_os
