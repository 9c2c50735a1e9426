// A gRPC server: its sockets, its threads, its graceful end.
#ifndef GRPC_OS_TRANSPORT_SERVER_H_
#define GRPC_OS_TRANSPORT_SERVER_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/acceptor.h"
#include "base/event_loop.h"
#include "base/kept_listener.h"
#include "base/unique_fd.h"
#include "transport/budgets.h"
#include "transport/counters.h"
#include "transport/io_thread.h"
#include "transport/peer.h"
#include "transport/wire.h"

namespace grpc_os::transport {

class Server {
 public:
  // Where connections come from.
  struct Endpoint {
    UniqueFd listener;      // of listener.h
    std::string path = {};  // of a unix socket: listened on anew where its file is gone
    bool local = false;
    bool relay = false;                         // others speak through those who connect
    std::unique_ptr<TlsContext> tls = nullptr;  // null: none
  };
  struct Options {
    Budgets budgets = {};
    UidOf uid_of = nullptr;    // of connections that are neither local nor encrypted
    UserOf user_of = nullptr;  // of calls
    int io_threads = 1;
    // What became of the files of sockets, as a sentence.
    std::function<void(const std::string&)> say = nullptr;
    // Called each second by a thread that serves connections.
    std::function<void()> each_second = nullptr;
  };

  // Takes connections at once.
  Server(std::vector<Endpoint> endpoints, Methods methods, Options options);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  // Takes no more connections and calls, waits at most `grace_ms` for the calls in progress, then
  // cancels them. Returns when the last user is gone. Not on an I/O thread.
  void Stop(int64_t grace_ms);

  const Counters& counters() const { return shared_.counters; }
  int connections() const { return shared_.ledger.connections(); }
  size_t bytes() const { return shared_.ledger.bytes(); }  // that wait on either side

 private:
  void Take(const Endpoint& endpoint, UniqueFd fd);
  void OnSecond();

  Shared shared_;
  const UidOf uid_of_;
  std::vector<Endpoint> endpoints_;
  std::vector<std::unique_ptr<IoThread>> threads_;
  const std::function<void()> each_second_;
  // Of the first thread, which accepts for all.
  std::vector<std::unique_ptr<Acceptor>> acceptors_;
  std::vector<std::unique_ptr<KeptListener>> unix_listeners_;
  EventLoop::TimerId second_ = 0;
  size_t next_thread_ = 0;
  bool stopped_ = false;
};

}  // namespace grpc_os::transport

#endif  // GRPC_OS_TRANSPORT_SERVER_H_
