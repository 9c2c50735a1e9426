// Finds out whether an execution is ready, and whether it still answers.
#ifndef GRPC_OS_SUPERVISE_PROBER_H_
#define GRPC_OS_SUPERVISE_PROBER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/event_loop.h"
#include "core/process/process.h"
#include "supervise/listeners.h"
#include "supervise/probe.h"
#include "supervise/probe_schedule.h"

namespace grpc_os::supervise {

// Of one execution at a time, from Begin to End. Lives on the loop's thread.
class Prober {
 public:
  struct Events {
    // Its sockets are those of these processes.
    std::function<SocketOwner()> owner;
    // `note`: what is to be known about how that was found out; mostly empty.
    std::function<void(const std::string& note)> on_ready;
    // While it is not ready: a stranger has its port; once it is overdue, whatever comes back.
    std::function<void(const std::string& text)> on_finding;
    // ready.timeout is over.
    std::function<void(const std::string& text)> on_overdue;
    std::function<void(const std::string& line)> on_line;  // for the log
    std::function<void(const std::string& text)> on_not_live;
  };
  Prober(EventLoop& loop, Events events);
  Prober(const Prober&) = delete;
  Prober& operator=(const Prober&) = delete;
  ~Prober();

  // It was executed. `notified`: it has spoken on NOTIFY_SOCKET already.
  void Begin(const core::ProcessSpec& spec, bool notified);
  void End();
  // Whether READY=1 makes it ready; it has just said something.
  bool OnNotified();
  void OnReady();
  void OnUnready();

  // Who has the port that it would have, if that is a stranger: "port 80 is held by pid 5 (nginx)".
  std::optional<std::string> NameStranger();

 private:
  void Schedule();
  void OnDue(ProbeSchedule::What what);
  void Ask(const std::string& path, int port, int64_t timeout_ms);
  void OnAnswer(const Probe::Answer& answer);
  std::string DescribeStranger(int port, const Listener& listener);
  std::string WaitedFor() const;

  EventLoop& loop_;
  const Events events_;
  std::optional<ProbeSchedule> schedule_;
  std::unique_ptr<Probe> probe_;
  EventLoop::TimerId timer_ = 0;
  std::string asked_;      // "GET /health on port 80"
  std::string last_;       // what came back last; empty: nothing was asked yet
  bool stranger_ = false;  // that came back because of a stranger on the port
  bool by_uid_ = false;
  uint64_t described_inode_ = 0;
  std::string description_;  // of that socket's holder
};

}  // namespace grpc_os::supervise

#endif  // GRPC_OS_SUPERVISE_PROBER_H_
