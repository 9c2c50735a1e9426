// One question to a port: does it answer?
#ifndef GRPC_OS_SUPERVISE_PROBE_H_
#define GRPC_OS_SUPERVISE_PROBE_H_

#include <cstdint>
#include <functional>
#include <string>

#include "base/event_loop.h"
#include "base/unique_fd.h"
#include "supervise/http_answer.h"
#include "supervise/listeners.h"

namespace grpc_os::supervise {

// Connects, and for HTTP asks and reads the answer to its end, within bounds of time and bytes.
// Lives on the loop's thread. Its end lets go of everything.
class Probe {
 public:
  struct Answer {
    bool good = false;
    std::string text;  // "connection refused", "HTTP 503", "no answer within 5 s"
  };
  // Calls `done` once, from the loop, after at most `timeout_ms`; it may destroy this. `path`
  // empty: a connection is enough.
  Probe(EventLoop& loop, const Listener& to, int port, const std::string& path, int64_t timeout_ms,
        std::function<void(Answer)> done);
  Probe(const Probe&) = delete;
  Probe& operator=(const Probe&) = delete;
  ~Probe();

 private:
  void Connect(const Listener& to);
  void OnEvents();
  void Send();
  void Receive();
  void Finish(bool good, const std::string& text);
  void FinishLater(const std::string& text);

  EventLoop& loop_;
  std::function<void(Answer)> done_;
  UniqueFd socket_;
  bool connected_ = false;
  std::string request_;  // what is to be sent yet; empty: only a connection is wanted
  bool http_;
  HttpAnswer answer_;
  EventLoop::TimerId timer_ = 0;
};

// "5 s", "500 ms".
std::string TimeText(int64_t ms);

}  // namespace grpc_os::supervise

#endif  // GRPC_OS_SUPERVISE_PROBE_H_
