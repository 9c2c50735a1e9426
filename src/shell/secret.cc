#include "shell/secret.h"

#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <iostream>
#include <utility>

namespace grpc_os::shell {
namespace {

// No echo for its own lifetime.
class Silence {
 public:
  Silence() {
    if (::tcgetattr(STDIN_FILENO, &before_) != 0) return;
    struct termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO | ECHONL);
    silent.c_lflag |= ICANON | ISIG | NOFLSH;  // NOFLSH: as in line_editor.cc
    // What was typed before the question is no answer to it.
    held_ = ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) == 0;
  }
  ~Silence() {
    if (held_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }
  Silence(const Silence&) = delete;
  Silence& operator=(const Silence&) = delete;
  bool held() const { return held_; }

 private:
  struct termios before_ = {};
  bool held_ = false;
};

}  // namespace

std::optional<std::string> ReadSecret(const std::string& question, const Interrupts& interrupts) {
  std::cout << std::flush;
  const Silence silence;
  if (!silence.held()) return std::nullopt;
  std::cerr << question << std::flush;
  std::string secret;
  std::optional<std::string> answer;
  while (true) {
    struct pollfd poll_fds[] = {{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0},
                                {.fd = interrupts.fd(), .events = POLLIN, .revents = 0}};
    if (::poll(poll_fds, 2, -1) < 0) {
      if (errno == EINTR) continue;
      break;
    }
    if (poll_fds[1].revents != 0) break;
    char c = 0;
    if (::read(STDIN_FILENO, &c, 1) != 1) break;
    if (c == '\n') {
      answer = std::move(secret);
      break;
    }
    secret.push_back(c);
  }
  std::cerr << "\n" << std::flush;
  return answer;
}

}  // namespace grpc_os::shell
