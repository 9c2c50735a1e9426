// A call answered with a stream of messages.
#ifndef GRPC_OS_SERVICES_STREAM_CALL_H_
#define GRPC_OS_SERVICES_STREAM_CALL_H_

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "base/failpoint.h"
#include "base/limits.h"
#include "services/call.h"

namespace grpc_os::services {

// Whoever produces the messages sends the next one only when the last was taken (`on_ready`), so
// nothing piles up for a slow client. One message at most waits behind the one that is being
// written. Thread-safe; no lock is held over a write.
template <typename Response>
class StreamCall final : public Call {
 public:
  StreamCall(CallEnvironment& environment, const MethodInfo& method, const Arrival& arrival,
             Exchange& exchange)
      : Call(environment, method, /*stream=*/true, arrival),
        exchange_(&exchange),
        last_sent_ms_(environment.clock.NowMs()) {}

  // What the producer wants to hear; set before the first Send. `on_ready`: send the next.
  // `on_gone`: stop, nobody listens any more (comes once, also after End). `heartbeat`: the message
  // to send when nothing was for a while, made of the last one that was sent, so that it never
  // tells of more, or of less, than the client has got; `initial` stands for that until there is
  // one. Called under a lock: it does nothing else.
  struct Producer {
    std::function<void()> on_ready;
    std::function<void()> on_gone;
    std::function<Response(const Response&)> heartbeat;
  };
  // False: nobody listens any more, and nothing will be heard of that again.
  [[nodiscard]] bool SetProducer(Producer producer, Response initial) {
    std::lock_guard lock(mutex_);
    if (exchange_ == nullptr) return false;
    producer_ = std::make_shared<Producer>(std::move(producer));
    current_ = std::move(initial);
    return true;
  }

  void Send(Response message) {
    {
      std::lock_guard lock(mutex_);
      if (exchange_ == nullptr || end_.has_value()) return;
      if (writing_) {
        waiting_ = std::move(message);
        return;
      }
      BeginWrite(std::move(message), /*beat=*/false);
    }
    exchange_->Write(current_);
  }

  // After what was sent.
  void End(const absl::Status& status) override {
    {
      std::lock_guard lock(mutex_);
      if (exchange_ == nullptr || end_.has_value()) return;
      end_ = Close(status);
      if (writing_) return;
    }
    exchange_->Finish(nullptr, *end_);
  }

  void Tick(int64_t now_ms) override {
    Call::Tick(now_ms);
    {
      std::lock_guard lock(mutex_);
      if (exchange_ == nullptr || producer_ == nullptr || writing_ || end_.has_value() ||
          now_ms - last_sent_ms_ < limits::kHeartbeatMs) {
        return;
      }
      BeginWrite(producer_->heartbeat(current_), /*beat=*/true);
    }
    exchange_->Write(current_);
  }

  void OnWritten(bool taken) override {
    Failpoint("osd.stream.written");
    std::shared_ptr<Producer> producer;
    bool write = false;
    bool finish = false;
    bool beat = false;
    {
      std::lock_guard lock(mutex_);
      writing_ = false;
      beat = beating_;
      if (!taken && !end_.has_value()) end_ = Close(absl::CancelledError("the client gave up"));
      if (waiting_.has_value() && taken) {
        BeginWrite(*std::move(waiting_), /*beat=*/false);
        write = true;
      } else if (end_.has_value()) {
        finish = true;
      }
      waiting_.reset();
      producer = producer_;
    }
    if (write) return exchange_->Write(current_);
    if (finish) return exchange_->Finish(nullptr, *end_);
    if (producer != nullptr && !beat) producer->on_ready();
  }

  void OnGone() override {
    std::shared_ptr<Producer> producer;
    {
      std::lock_guard lock(mutex_);
      exchange_ = nullptr;
      producer = std::exchange(producer_, nullptr);
    }
    Call::OnGone();
    if (producer != nullptr) producer->on_gone();
  }

 private:
  // The lock is held.
  void BeginWrite(Response message, bool beat) {
    current_ = std::move(message);
    writing_ = true;
    beating_ = beat;
    last_sent_ms_ = environment().clock.NowMs();
  }

  std::mutex mutex_;
  Exchange* exchange_;  // cleared after Finish, when nothing is being written
  std::shared_ptr<Producer> producer_;
  Response current_;  // being written, or written last
  std::optional<Response> waiting_;
  bool writing_ = false;
  bool beating_ = false;  // what is being written is a heartbeat
  std::optional<WireStatus> end_;
  int64_t last_sent_ms_;
};

}  // namespace grpc_os::services

#endif  // GRPC_OS_SERVICES_STREAM_CALL_H_
