// run/init.sock.
#ifndef GRPC_OS_INIT_CONTROL_SOCKET_H_
#define GRPC_OS_INIT_CONTROL_SOCKET_H_

#include <sys/types.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "base/event_loop.h"
#include "base/kept_listener.h"
#include "base/unique_fd.h"
#include "init/log.h"
#include "protocol/messages.pb.h"
#include "protocol/packet.h"

namespace grpc_os::init {

// Serves grpc-osd, of which at most one is connected, and those who ask for a stop. At most
// limits::kControlConnections: one more takes the place of the oldest that has not said hello, else
// of the oldest that is not grpc-osd. Lives on the loop's thread.
class ControlSocket {
 public:
  class Handler {
   public:
    // A grpc-osd has said hello; `process` is a pidfd of it, or none. It is to be sent the
    // instances.
    virtual void OnOsdConnected(UniqueFd process) = 0;
    virtual void OnOsdDisconnected() = 0;
    virtual void OnOsdReady() = 0;
    virtual void OnLaunch(const internal::Launch& launch, UniqueFd spec) = 0;
    virtual void OnRemoveProcessDirectory(const std::string& process_name) = 0;
    virtual void OnStopRequested(bool all) = 0;

   protected:
    ~Handler() = default;
  };

  using Listen = std::function<absl::StatusOr<UniqueFd>()>;
  // `listener` is of `listen`, at `path`. Accepts root and `peer` (the uid of the control plane).
  // `handler` outlives this object.
  ControlSocket(EventLoop& loop, UniqueFd listener, std::string path, Listen listen, uid_t peer,
                Log& log, Handler& handler);
  ControlSocket(const ControlSocket&) = delete;
  ControlSocket& operator=(const ControlSocket&) = delete;
  ~ControlSocket();

  // As KeptListener's.
  void LookAtFile() { listener_.Look(); }

  // To the grpc-osd that is connected; dropped if there is none. One that does not read is cut.
  void SendToOsd(const internal::InitReply& reply);
  // To those who asked for a stop.
  void SendToStoppers(const internal::InitReply& reply);

 private:
  struct Connection {
    UniqueFd socket;
    int64_t number = 0;  // in the order of acceptance
    std::string role;    // empty before hello
    bool asked_stop = false;
    std::deque<internal::InitReply> waiting;  // for the other side to read
  };
  void Take(UniqueFd socket);
  void MakeRoom();
  void OnEvents(int fd, uint32_t events);
  // At most so many packets. False if it has ended.
  bool Receive(Connection& connection, int packets);
  bool Take(Connection& connection, protocol::Packet packet);
  bool TakeHello(Connection& connection, const internal::InitHello& hello);
  void Send(Connection& connection, const internal::InitReply& reply);
  bool Flush(Connection& connection);
  void Close(int fd);

  EventLoop& loop_;
  const uid_t peer_;
  Log& log_;
  Handler& handler_;
  std::map<int, std::unique_ptr<Connection>> connections_;
  int64_t accepted_ = 0;
  int osd_ = -1;
  KeptListener listener_;
};

}  // namespace grpc_os::init

#endif  // GRPC_OS_INIT_CONTROL_SOCKET_H_
