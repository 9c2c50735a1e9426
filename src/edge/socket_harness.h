// Test support: the private socket of an nginx that is none, and a worker without a thread.
#ifndef GRPC_OS_EDGE_SOCKET_HARNESS_H_
#define GRPC_OS_EDGE_SOCKET_HARNESS_H_

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/guarded.h"
#include "base/unique_fd.h"
#include "core/reconcile/worker.h"
#include "core/scheduler.h"

namespace grpc_os::edge {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = ::testing::TempDir() + "edge-XXXXXX";
    path_ = mkdtemp(name.data());
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline std::string HttpAnswer(const std::string& body, const std::string& status = "200 OK") {
  return absl::StrCat("HTTP/1.1 ", status,
                      "\r\nContent-Type: text/plain\r\nContent-Length: ", body.size(),
                      "\r\nConnection: close\r\n\r\n", body);
}

// Listens on `directory`/private.sock, and answers each request with the bytes that `answer` makes
// of it, on a thread of its own.
class FakeNginx {
 public:
  using MakeAnswer = std::function<std::string(const std::string& request)>;
  // As an answer: none comes, and the connection stays.
  static constexpr char kSilence[] = "silence";

  FakeNginx(const std::string& directory, MakeAnswer answer)
      : directory_(directory), answer_(std::move(answer)) {
    // By way of the descriptor: its name may be longer than a socket's address.
    const UniqueFd at(open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = absl::StrCat("/proc/self/fd/", at.get(), "/private.sock");
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(listen(listener_.get(), 16), 0);
    thread_ = std::thread([this] { Run(); });
  }
  ~FakeNginx() {
    eventfd_write(end_.get(), 1);
    thread_.join();
    std::filesystem::remove(directory_ + "/private.sock");
  }
  FakeNginx(const FakeNginx&) = delete;
  FakeNginx& operator=(const FakeNginx&) = delete;

  std::vector<std::string> requests() const { return *requests_.Lock(); }

 private:
  void Run() {
    std::vector<UniqueFd> silent;
    while (true) {
      pollfd both[] = {{listener_.get(), POLLIN, 0}, {end_.get(), POLLIN, 0}};
      if (poll(both, 2, -1) < 0) continue;
      if (both[1].revents != 0) return;
      UniqueFd connection(accept(listener_.get(), nullptr, nullptr));
      const std::string request = Read(connection.get());
      requests_.Lock()->push_back(request);
      const std::string answer = answer_(request);
      if (answer == kSilence) {
        silent.push_back(std::move(connection));
        continue;
      }
      for (size_t at = 0; at < answer.size();) {
        const ssize_t sent =
            send(connection.get(), answer.data() + at, answer.size() - at, MSG_NOSIGNAL);
        if (sent <= 0) break;
        at += static_cast<size_t>(sent);
      }
    }
  }
  // With its body.
  static std::string Read(int connection) {
    std::string request;
    char buffer[65536];
    while (true) {
      const size_t end = request.find("\r\n\r\n");
      if (end != std::string::npos) {
        size_t length = 0;
        const size_t header = request.find("Content-Length: ");
        if (header != std::string::npos) {
          EXPECT_TRUE(absl::SimpleAtoi(
              request.substr(header + 16, request.find('\r', header) - header - 16), &length));
        }
        if (request.size() >= end + 4 + length) return request;
      }
      const ssize_t got = recv(connection, buffer, sizeof buffer, 0);
      if (got <= 0) return request;
      request.append(buffer, static_cast<size_t>(got));
    }
  }

  const std::string directory_;
  const MakeAnswer answer_;
  const UniqueFd listener_{socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  const UniqueFd end_{eventfd(0, EFD_CLOEXEC)};
  mutable Guarded<std::vector<std::string>> requests_;
  std::thread thread_;
};

// Works when the scheduler does.
class ScheduledWorker final : public core::Worker {
 public:
  explicit ScheduledWorker(core::Scheduler& scheduler) : scheduler_(scheduler) {}
  void Post(std::function<void()> work) override { scheduler_.Post(std::move(work)); }

 private:
  core::Scheduler& scheduler_;
};

}  // namespace grpc_os::edge

#endif  // GRPC_OS_EDGE_SOCKET_HARNESS_H_
