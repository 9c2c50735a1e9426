#include "edge/private_socket.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/unique_fd.h"

namespace grpc_os::edge {
namespace {

constexpr size_t kAnswerBytes = 8 << 20;

int64_t NowMs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

absl::Status Silent(int64_t timeout_ms) {
  return absl::DeadlineExceededError(
      absl::StrCat("nginx does not answer on its private socket within ", timeout_ms, " ms"));
}

absl::Status Failed(const char* what, int error) {
  return absl::UnavailableError(
      absl::StrCat("nginx's private socket: ", what, ": ", strerror(error)));
}

// Until the descriptor is ready, or the time is over.
absl::Status Await(int fd, short events, int64_t deadline_ms, int64_t timeout_ms) {
  while (true) {
    pollfd one{fd, events, 0};
    const int64_t left = deadline_ms - NowMs();
    if (left <= 0) return Silent(timeout_ms);
    const int ready = poll(&one, 1, static_cast<int>(left));
    if (ready > 0) return absl::OkStatus();
    if (ready < 0 && errno != EINTR) return Failed("poll", errno);
  }
}

// The value of a header, which is in lower case; nullopt: there is none.
std::optional<std::string> HeaderOf(absl::string_view head, absl::string_view name) {
  const std::string lower = absl::AsciiStrToLower(head);
  const std::string start = absl::StrCat("\r\n", name, ":");
  const size_t at = lower.find(start);
  if (at == std::string::npos) return std::nullopt;
  const size_t from = at + start.size();
  const size_t end = std::min(lower.find("\r\n", from), lower.size());
  return std::string(absl::StripAsciiWhitespace(absl::string_view(lower).substr(from, end - from)));
}

absl::StatusOr<std::string> Parse(const std::string& answer) {
  const size_t end = answer.find("\r\n\r\n");
  if (end == std::string::npos || !answer.starts_with("HTTP/1.1 ") || answer.size() < 12)
    return absl::UnavailableError("nginx ended its answer early");
  const absl::string_view head(answer.data(), end);
  std::string body = answer.substr(end + 4);
  size_t length = 0;
  if (const auto given = HeaderOf(head, "content-length");
      !given || !absl::SimpleAtoi(*given, &length) || length != body.size())
    return absl::UnavailableError("nginx ended its answer early");
  const absl::string_view code = head.substr(9, 3);
  if (code == "200") return body;
  absl::StripTrailingAsciiWhitespace(&body);
  const std::string message = absl::StrCat("nginx answered ", code, ": ", body);
  return code == "507" ? absl::ResourceExhaustedError(message) : absl::InternalError(message);
}

}  // namespace

absl::StatusOr<std::string> PrivateSocket::Get(const std::string& path, int64_t timeout_ms) const {
  return Ask(absl::StrCat("GET ", path, " HTTP/1.1\r\nHost: edge\r\nConnection: close\r\n\r\n"),
             timeout_ms);
}

absl::StatusOr<std::string> PrivateSocket::Post(const std::string& path, const std::string& body,
                                                int64_t timeout_ms) const {
  return Ask(absl::StrCat("POST ", path, " HTTP/1.1\r\nHost: edge\r\nConnection: close\r\n",
                          "Content-Length: ", body.size(), "\r\n\r\n", body),
             timeout_ms);
}

absl::StatusOr<std::string> PrivateSocket::Ask(const std::string& request,
                                               int64_t timeout_ms) const {
  const int64_t deadline = NowMs() + timeout_ms;
  // By its directory's descriptor: a socket's path may have 107 bytes only.
  const UniqueFd directory(open(directory_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return Failed("open", errno);
  const UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return Failed("socket", errno);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = absl::StrCat("/proc/self/fd/", directory.get(), "/private.sock");
  memcpy(address.sun_path, path.c_str(), path.size() + 1);
  while (connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return Failed("connect", errno);  // EAGAIN: its backlog is full
    if (NowMs() >= deadline) return Silent(timeout_ms);
    poll(nullptr, 0, 10);
  }
  for (size_t sent = 0; sent < request.size();) {
    const ssize_t wrote =
        send(socket.get(), request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
    if (wrote >= 0) {
      sent += static_cast<size_t>(wrote);
    } else if (errno == EAGAIN) {
      if (absl::Status ready = Await(socket.get(), POLLOUT, deadline, timeout_ms); !ready.ok())
        return ready;
    } else if (errno != EINTR) {
      return Failed("send", errno);
    }
  }
  std::string answer;
  char buffer[16384];
  while (answer.size() < kAnswerBytes) {
    const ssize_t got = recv(socket.get(), buffer, sizeof buffer, 0);
    if (got == 0) return Parse(answer);
    if (got > 0) {
      answer.append(buffer, static_cast<size_t>(got));
    } else if (errno == EAGAIN) {
      if (absl::Status ready = Await(socket.get(), POLLIN, deadline, timeout_ms); !ready.ok())
        return ready;
    } else if (errno != EINTR) {
      return Failed("recv", errno);
    }
  }
  return absl::InternalError("nginx's answer is too long");
}

}  // namespace grpc_os::edge
