// The control socket of an instance: who may ask, what is asked, and the reports.
#ifndef GRPC_OS_SUPERVISE_CONTROL_H_
#define GRPC_OS_SUPERVISE_CONTROL_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/event_loop.h"
#include "base/kept_listener.h"
#include "base/unique_fd.h"
#include "protocol/log_format.h"
#include "protocol/messages.pb.h"
#include "protocol/packet.h"
#include "supervise/instance.h"

namespace grpc_os::supervise {

// Only our own user and root are heard, and only after they named the instance. A connection that
// does not read holds nothing but its place in the journal and at most kResultsWaiting answers:
// then it is not heard any more until it reads. At most limits::kControlConnections: one more takes
// the place of the oldest that has not said hello, else of the oldest that wants no reports, else
// of the oldest. Lives on the loop's thread.
class Control {
 public:
  // `listener` is at ctl.sock in `directory`.
  Control(EventLoop& loop, Instance& instance, std::string instance_id, UniqueFd listener,
          const std::string& directory);
  Control(const Control&) = delete;
  Control& operator=(const Control&) = delete;
  ~Control();

  // Makes what is gone of the instance's directory again, and the socket in it.
  void LookAtFiles();

  // Of a task: its caller, which asks for reports, has come, before it is greeted; or has gone.
  // Call before the loop runs.
  void WatchCaller(std::function<void()> on_come, std::function<void()> on_leave);
  bool has_caller() const;
  // Sends what a task wrote to its caller, ahead of reports; while that does not read, the output
  // is paused.
  void Relay(protocol::LogStream stream, std::string_view bytes);

  // Sends what the journal has gained; while it cannot be written, then the present status.
  void SendReports();

  static constexpr size_t kResultsWaiting = 64;

 private:
  struct Connection {
    UniqueFd socket;
    bool greeted = false;
    bool wants_reports = false;
    int64_t sent_seq = 0;
    int64_t present_seq = 0;  // of the status that was sent beside the journal
    std::deque<internal::SuperviseReply> answers;
    bool full = false;    // the socket: waiting until it can be written
    bool closed = false;  // to be removed
  };
  void Take(UniqueFd socket);
  void MakeRoom();
  void OnReady(Connection& connection, uint32_t events);
  void Receive(Connection& connection);
  void OnRequest(Connection& connection, const internal::SuperviseRequest& request, int fd);
  void OnHello(Connection& connection, const internal::SuperviseHello& hello);
  bool Send(Connection& connection, const internal::SuperviseReply& reply);  // false: not now
  void SendWaiting(Connection& connection);
  bool SendOutputTo(Connection& connection);   // false: not all, for now
  bool SendReportsTo(Connection& connection);  // false: not all, for now
  void WatchAsNeeded(Connection& connection);
  void RemoveClosed();

  EventLoop& loop_;
  Instance& instance_;
  const std::string instance_id_;
  std::vector<std::unique_ptr<Connection>> connections_;  // in the order of acceptance
  std::function<void()> on_come_;
  std::function<void()> on_leave_;
  std::deque<internal::SuperviseReply> output_;  // for the caller of a task
  KeptListener listener_;
};

}  // namespace grpc_os::supervise

#endif  // GRPC_OS_SUPERVISE_CONTROL_H_
