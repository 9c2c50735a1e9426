#include "server/callback_threads.h"

#include <grpc/support/cpu.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/channel_arguments.h>

#include <condition_variable>
#include <mutex>

namespace grpc_os::server {
namespace {

constexpr unsigned kProcessors = 2;

}  // namespace

// A call within the process, to a method that nobody has; its answer comes on a callback thread,
// which rests then, or not. Thread-safe.
class CallbackThreads::Call {
 public:
  Call(grpc::GenericStub& stub, bool rests) : over_(!rests) {
    const grpc::Slice nothing;
    request_ = grpc::ByteBuffer(&nothing, 1);
    stub.UnaryCall(&context_, "/grpc_os.CallbackThreads/Call", {}, &request_, &response_,
                   [this](const grpc::Status&) {
                     std::unique_lock lock(mutex_);
                     changed_.wait(lock, [this] { return over_; });
                     left_ = true;
                     changed_.notify_all();
                   });
  }
  ~Call() {
    End();
    context_.TryCancel();
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return left_; });
  }

  void End() {
    const std::lock_guard lock(mutex_);
    over_ = true;
    changed_.notify_all();
  }
  // The thread goes its way again.
  bool ended() const {
    const std::lock_guard lock(mutex_);
    return left_;
  }
  bool resting() const {
    const std::lock_guard lock(mutex_);
    return !over_;
  }

 private:
  grpc::ClientContext context_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer response_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool over_;
  bool left_ = false;  // the callback
};

CallbackThreads::CallbackThreads(grpc::Server& server)
    : stub_(server.InProcessChannel(grpc::ChannelArguments())) {}

CallbackThreads::~CallbackThreads() = default;

void CallbackThreads::Wake() {
  if (wake_ == nullptr || wake_->ended()) wake_ = std::make_unique<Call>(stub_, /*rests=*/false);
}

void CallbackThreads::Tick(int64_t calls) {
  if (gpr_cpu_num_cores() > kProcessors) return;
  const bool many = calls - calls_ >= kManyCalls;
  calls_ = calls;
  if (rest_ != nullptr && rest_->ended()) rest_.reset();
  if (rest_ != nullptr && !many) rest_->End();
  if (rest_ == nullptr && many) rest_ = std::make_unique<Call>(stub_, /*rests=*/true);
}

bool CallbackThreads::resting() const { return rest_ != nullptr && rest_->resting(); }

}  // namespace grpc_os::server
