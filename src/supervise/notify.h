// What a payload says about itself: the datagrams of sd_notify(3).
#ifndef GRPC_OS_SUPERVISE_NOTIFY_H_
#define GRPC_OS_SUPERVISE_NOTIFY_H_

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/unique_fd.h"

namespace grpc_os::supervise {

struct Notification {
  bool ready = false;     // READY=1
  bool stopping = false;  // STOPPING=1
  // STATUS=: at most kStatusBytesMax, valid UTF-8 without control characters (others become '?').
  std::optional<std::string> status;
};
inline constexpr size_t kStatusBytesMax = 512;

// Lines of KEY=value; what is not known is ignored.
Notification ParseNotification(std::string_view datagram);

// The abstract socket that NOTIFY_SOCKET names. Not thread-safe.
class NotifySocket {
 public:
  // RESOURCE_EXHAUSTED and the like: someone else has the name, and there is no socket for the
  // payload.
  static absl::StatusOr<NotifySocket> Bind(const std::string& instance_id);

  int fd() const { return fd_.get(); }
  // The value of NOTIFY_SOCKET.
  const std::string& address() const { return address_; }

  // Takes what has come, at most kBatch datagrams, and gives those whose sender (as the kernel
  // says) `accept`s.
  void Receive(const std::function<bool(pid_t)>& accept,
               const std::function<void(const Notification&)>& sink);
  static constexpr int kBatch = 32;

 private:
  UniqueFd fd_;
  std::string address_;
};

}  // namespace grpc_os::supervise

#endif  // GRPC_OS_SUPERVISE_NOTIFY_H_
