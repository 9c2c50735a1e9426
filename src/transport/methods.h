// What a server serves.
#ifndef GRPC_OS_TRANSPORT_METHODS_H_
#define GRPC_OS_TRANSPORT_METHODS_H_

#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace grpc_os::transport {

class Stream;
class StreamUser;

struct Method {
  // A stream of requests begins with its headers, others with their one message.
  bool client_streams = false;
  // On the I/O thread, which it must not block. Gives who answers it.
  std::function<StreamUser*(Stream&)> begin;
};

struct PathHash {
  using is_transparent = void;
  size_t operator()(std::string_view path) const { return std::hash<std::string_view>()(path); }
};
// By path: "/grpc_os.v1.AuthService/WhoAmI".
using Methods = std::unordered_map<std::string, Method, PathHash, std::equal_to<>>;

// Whose budgets the connection of a call takes from this call on, if it is not the peer's: of a
// proxy, which carries one call at a time for each client. Empty: as it is.
using UserOf = std::function<std::string(const Stream&)>;

}  // namespace grpc_os::transport

#endif  // GRPC_OS_TRANSPORT_METHODS_H_
