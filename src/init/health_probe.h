// One Health/Check of grpc-osd.
#ifndef GRPC_OS_INIT_HEALTH_PROBE_H_
#define GRPC_OS_INIT_HEALTH_PROBE_H_

#include <cstdint>
#include <functional>
#include <string>

#include "base/event_loop.h"
#include "base/unique_fd.h"
#include "init/health_answer.h"

namespace grpc_os::init {

// Asks over a connection of its own, which ends with it. Never blocks. Lives on the loop's thread.
class HealthProbe {
 public:
  // Empty: it serves; else that it does not or why it will not answer, as a clause "it …".
  using Done = std::function<void(const std::string& why)>;
  // `socket` is a connected stream that does not block. `done` is called once at most, from the
  // loop, and may destroy this object.
  HealthProbe(EventLoop& loop, UniqueFd socket, Done done);
  HealthProbe(const HealthProbe&) = delete;
  HealthProbe& operator=(const HealthProbe&) = delete;
  ~HealthProbe();

 private:
  void OnEvents();
  void Send(const std::string& bytes) const;
  void Finish(std::string why);

  EventLoop& loop_;
  const UniqueFd socket_;
  Done done_;
  HealthAnswer answer_;
  bool asked_ = false;
  bool acknowledged_ = false;
};

}  // namespace grpc_os::init

#endif  // GRPC_OS_INIT_HEALTH_PROBE_H_
