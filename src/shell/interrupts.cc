#include "shell/interrupts.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <utility>

#include "shell/exit_code.h"

namespace grpc_os::shell {
namespace {

void Set(int event_fd) {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t n = ::write(event_fd, &one, sizeof(one));
}

}  // namespace

Interrupts::Interrupts(Second second) : second_(second) {
  sigset_t interrupt;
  sigemptyset(&interrupt);
  sigaddset(&interrupt, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &interrupt, nullptr);
  signals_.Reset(::signalfd(-1, &interrupt, SFD_CLOEXEC | SFD_NONBLOCK));
  pending_.Reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  stop_.Reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
}

Interrupts::~Interrupts() { Stop(); }

void Interrupts::Stop() {
  if (!thread_.joinable()) return;
  Set(stop_.get());
  thread_.join();
}

void Interrupts::Start(std::function<void()> on_interrupt) {
  on_interrupt_ = std::move(on_interrupt);
  thread_ = std::thread([this] { Run(); });
}

bool Interrupts::IsPending() const {
  struct pollfd poll_fd = {.fd = pending_.get(), .events = POLLIN, .revents = 0};
  return ::poll(&poll_fd, 1, 0) > 0;
}

bool Interrupts::Drain() {
  uint64_t count = 0;
  return ::read(pending_.get(), &count, sizeof(count)) == sizeof(count);
}

void Interrupts::Run() {
  ::pthread_setname_np(::pthread_self(), "interrupts");
  while (true) {
    struct pollfd poll_fds[] = {{.fd = signals_.get(), .events = POLLIN, .revents = 0},
                                {.fd = stop_.get(), .events = POLLIN, .revents = 0}};
    if (::poll(poll_fds, 2, -1) < 0 && errno != EINTR) return;
    if (poll_fds[1].revents != 0) return;
    struct signalfd_siginfo info = {};
    if (::read(signals_.get(), &info, sizeof(info)) != sizeof(info)) continue;
    if (second_ == Second::kEndsProgram && IsPending()) {
      ::_exit(static_cast<int>(ExitCode::kInterrupted));
    }
    Set(pending_.get());
    on_interrupt_();
  }
}

}  // namespace grpc_os::shell
