// What a payload says about itself: the datagrams of sd_notify(3).
#ifndef GRPC_OS_SUPERVISE_NOTIFY_H_
#define GRPC_OS_SUPERVISE_NOTIFY_H_

#include <sys/types.h>

#include <cstdint>
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

// Who sent a datagram, as the kernel says.
struct Sender {
  pid_t pid = 0;  // 0: not known
  uid_t uid = 0;
  // It has ended, so nothing but its uid can be told of it any more.
  bool Gone() const;
};

// How often a payload's readiness may change because it says so, READY=1 and STOPPING=1 in turn:
// kBurst times at once, then once each kEachMs. Each change is a revision of the store.
class ReadinessPace {
 public:
  // How long the next change has to wait; 0: not at all, and it is counted.
  int64_t Take(int64_t now_ms);
  static constexpr int64_t kBurst = 4;
  static constexpr int64_t kEachMs = 1'000;

 private:
  int64_t free_at_ms_ = INT64_MIN;  // when all of kBurst can be had again
};

// The abstract socket that NOTIFY_SOCKET names. Not thread-safe.
class NotifySocket {
 public:
  // RESOURCE_EXHAUSTED and the like: someone else has the name, and there is no socket for the
  // payload.
  static absl::StatusOr<NotifySocket> Bind(const std::string& instance_id);

  int fd() const { return fd_.get(); }
  // The value of NOTIFY_SOCKET.
  const std::string& address() const { return address_; }

  // Takes what has come, at most kBatch datagrams, and gives those whose sender `accept`s.
  void Receive(const std::function<bool(const Sender&)>& accept,
               const std::function<void(const Notification&)>& sink);
  // Drops what has come: it is of an execution before.
  void Discard();
  static constexpr int kBatch = 32;

 private:
  UniqueFd fd_;
  std::string address_;
};

}  // namespace grpc_os::supervise

#endif  // GRPC_OS_SUPERVISE_NOTIFY_H_
