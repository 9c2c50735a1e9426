// Who listens on a TCP port of this machine.
#ifndef GRPC_OS_SUPERVISE_LISTENERS_H_
#define GRPC_OS_SUPERVISE_LISTENERS_H_

#include <sys/socket.h>
#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace grpc_os::supervise {

struct Listener {
  // Where to connect to: its own address, or the loopback one if it listens on all.
  sockaddr_storage address{};
  socklen_t address_bytes = 0;
  uid_t uid = 0;
  uint64_t inode = 0;
};

// Of what /proc/net/tcp or tcp6 says: the listening sockets of `port`. Listening sockets come
// before all others; `done`, if not null, becomes true when another one is seen.
std::vector<Listener> ParseListeners(std::string_view text, int port, bool* done = nullptr);

// A process, as far as its sockets are concerned.
struct SocketOwner {
  std::vector<pid_t> pids;
  uid_t uid = 0;
  bool complete = false;  // those are all of its pids
};

struct PortHolder {
  enum class Whose {
    kNobody,
    kOwn,
    kOwnByUid,  // which process has it cannot be found out: its account has
    kStranger,
  };
  Whose whose = Whose::kNobody;
  Listener listener;  // unless kNobody
};
// Of the network namespace of this program.
PortHolder FindPortHolder(int port, const SocketOwner& owner);

// "pid 812 (python3 -m http.server)", or "uid 33" if no more can be found out. Looks at all
// processes of the machine.
std::string DescribeHolder(const Listener& listener);

}  // namespace grpc_os::supervise

#endif  // GRPC_OS_SUPERVISE_LISTENERS_H_
