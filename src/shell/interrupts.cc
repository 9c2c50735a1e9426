#include "shell/interrupts.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <iostream>
#include <utility>

#include "shell/exit_code.h"

namespace grpc_os::shell {
namespace {

void Set(int event_fd) {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t n = ::write(event_fd, &one, sizeof(one));
}

sigset_t Only(int signal) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, signal);
  return set;
}

// What its parent sees: a program that this signal has ended.
[[noreturn]] void EndBy(int signal) {
  const sigset_t set = Only(signal);
  ::signal(signal, SIG_DFL);
  ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  ::raise(signal);
  ::_exit(128 + signal);
}

}  // namespace

Interrupts::Interrupts(Second second) : second_(second) {
  sigset_t interrupt = Only(SIGINT);
  for (const int signal : {SIGTERM, SIGHUP}) {
    struct sigaction action = {};
    ::sigaction(signal, nullptr, &action);
    if (action.sa_handler != SIG_IGN) sigaddset(&interrupt, signal);
  }
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

std::shared_ptr<void> Interrupts::FinishFirst() {
  {
    const std::lock_guard lock(mutex_);
    ++ending_.holders;
  }
  const sigset_t pipe = Only(SIGPIPE);
  sigset_t before;
  ::pthread_sigmask(SIG_BLOCK, &pipe, &before);
  return {nullptr, [this, before](void*) {
            int signal = 0;
            {
              const std::lock_guard lock(mutex_);
              if (--ending_.holders == 0) signal = ending_.signal;
            }
            if (signal != 0) {
              std::cout << std::flush;
              EndBy(signal);
            }
            ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
          }};
}

bool Interrupts::IsHeld(int signal) {
  const std::lock_guard lock(mutex_);
  return ending_.holders > 0 && std::exchange(ending_.signal, signal) == 0;
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
    const int signal = static_cast<int>(info.ssi_signo);
    if (signal != SIGINT && !IsHeld(signal)) EndBy(signal);
    if (signal == SIGINT && second_ == Second::kEndsProgram && IsPending()) {
      ::_exit(static_cast<int>(ExitCode::kInterrupted));
    }
    Set(pending_.get());
    on_interrupt_();
  }
}

}  // namespace grpc_os::shell
