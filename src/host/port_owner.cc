#include "host/port_owner.h"

#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string_view>
#include <system_error>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/unique_fd.h"

namespace grpc_os::host {
namespace {

namespace fs = std::filesystem;

constexpr int kProbeMs = 500;

// The sockets that listen on the port: the numbers of their inodes. Format: proc(5), /proc/net/tcp.
void AddListeners(const char* path, int port, std::set<std::string>& inodes) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    std::istringstream words(line);
    std::string number, local, remote, state, skipped, inode;
    words >> number >> local >> remote >> state;
    for (int i = 0; i < 5; ++i) words >> skipped;  // queues, timer, retransmits, uid, timeout
    words >> inode;
    int found = 0;
    constexpr std::string_view kListen = "0A";
    if (state == kListen && absl::SimpleHexAtoi(local.substr(local.rfind(':') + 1), &found) &&
        found == port)
      inodes.insert(inode);
  }
}

bool HasSocket(const fs::path& process, const std::set<std::string>& inodes) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(process / "fd", error)) {
    const std::string target = fs::read_symlink(entry.path(), error);
    if (target.starts_with("socket:[") && inodes.contains(target.substr(8, target.size() - 9)))
      return true;
  }
  return false;
}

std::string OutcomeOf(int socket, const std::string& accepts) {
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size);
  return error == 0 ? accepts : strerror(error);
}

}  // namespace

std::string OwnerOfPort(int port) {
  std::set<std::string> inodes;
  for (const char* path : {"/proc/net/tcp", "/proc/net/tcp6"}) AddListeners(path, port, inodes);
  if (inodes.empty()) return "";
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/proc", error)) {
    const std::string pid = entry.path().filename();
    if (pid.find_first_not_of("0123456789") != std::string::npos) continue;
    if (!HasSocket(entry.path(), inodes)) continue;
    std::ifstream file(entry.path() / "comm");
    std::string name;
    std::getline(file, name);
    return absl::StrCat(name.empty() ? "a process" : name, " (pid ", pid, ")");
  }
  return "";
}

std::map<int, std::string> ProbePorts(const std::vector<int>& ports, const std::string& accepts) {
  std::map<int, std::string> outcomes;
  std::vector<UniqueFd> sockets;
  std::vector<pollfd> waiting;
  std::vector<int> waiting_ports;
  for (const int port : ports) {
    UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (!socket) {
      outcomes[port] = strerror(errno);
    } else if (connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) {
      outcomes[port] = accepts;
    } else if (errno != EINPROGRESS) {
      outcomes[port] = strerror(errno);
    } else {
      outcomes[port] = absl::StrCat("no answer within ", kProbeMs, " ms");
      waiting.push_back({socket.get(), POLLOUT, 0});
      waiting_ports.push_back(port);
      sockets.push_back(std::move(socket));
    }
  }
  timespec begin{};
  clock_gettime(CLOCK_MONOTONIC, &begin);
  for (size_t left = waiting.size(); left > 0;) {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    const int64_t passed =
        (now.tv_sec - begin.tv_sec) * 1000 + (now.tv_nsec - begin.tv_nsec) / 1'000'000;
    if (passed >= kProbeMs ||
        poll(waiting.data(), waiting.size(), static_cast<int>(kProbeMs - passed)) <= 0)
      break;
    for (size_t i = 0; i < waiting.size(); ++i) {
      if (waiting[i].fd < 0 || waiting[i].revents == 0) continue;
      outcomes[waiting_ports[i]] = OutcomeOf(waiting[i].fd, accepts);
      waiting[i].fd = -1;
      --left;
    }
  }
  return outcomes;
}

}  // namespace grpc_os::host
