// For whom the store reads.
#ifndef GRPC_OS_CORE_REQUESTER_H_
#define GRPC_OS_CORE_REQUESTER_H_

#include <atomic>
#include <memory>
#include <string>
#include <utility>

namespace grpc_os::core {

// Reads wait in the turns of their users (decision 0027), and one that nobody waits for any more is
// answered with CANCELLED instead. Cheap to copy; thread-safe.
class Requester {
 public:
  // Of one call, or of several of the same user that share a read.
  struct Call {
    std::string user = {};
    std::atomic<bool> ended{false};
  };

  Requester() = default;  // the system itself
  explicit Requester(std::shared_ptr<const Call> call) : call_(std::move(call)) {}
  // Who waits to the end.
  static Requester OfUser(std::string user) {
    const auto call = std::make_shared<Call>();
    call->user = std::move(user);
    return Requester(call);
  }

  // Empty: the system.
  const std::string& user() const {
    static const std::string system;
    return call_ == nullptr ? system : call_->user;
  }
  bool gone() const { return call_ != nullptr && call_->ended.load(std::memory_order_relaxed); }

 private:
  std::shared_ptr<const Call> call_;
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_REQUESTER_H_
