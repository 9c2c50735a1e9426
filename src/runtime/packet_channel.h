// A connection to another of our programs, on an event loop.
#ifndef GRPC_OS_RUNTIME_PACKET_CHANNEL_H_
#define GRPC_OS_RUNTIME_PACKET_CHANNEL_H_

#include <cstddef>
#include <deque>
#include <memory>

#include "absl/status/status.h"
#include "base/event_loop.h"
#include "base/unique_fd.h"
#include "protocol/packet.h"

namespace grpc_os::runtime {

// Sends and receives packets over a connected socket. What the other side has no room for waits in
// a bounded queue. Lives on the loop's thread.
class PacketChannel {
 public:
  // Messages that may wait for the other side to read.
  static constexpr size_t kQueueMessages = 256;

  // Called on the loop's thread, never from inside Send. Each of them may destroy the channel.
  class Owner {
   public:
    virtual void OnPacket(protocol::Packet packet) = 0;
    // The queue, having been in use, is empty again.
    virtual void OnDrained() = 0;
    // The connection has ended; nothing else will be called.
    virtual void OnClosed(const absl::Status& why) = 0;

   protected:
    ~Owner() = default;
  };

  // `owner` outlives the channel.
  PacketChannel(EventLoop& loop, UniqueFd socket, Owner& owner);
  PacketChannel(const PacketChannel&) = delete;
  PacketChannel& operator=(const PacketChannel&) = delete;
  ~PacketChannel();

  // Sends or queues a copy of `message`, and `descriptor` with it, in order. RESOURCE_EXHAUSTED:
  // the queue is full; UNAVAILABLE: the other side has gone (OnClosed will come).
  absl::Status Send(const google::protobuf::MessageLite& message, UniqueFd descriptor = UniqueFd());
  // Whether messages wait for the other side to read.
  bool backlogged() const { return !queue_.empty(); }
  // While paused nothing is received, so that the other side has to wait; nor is its end noticed.
  void Pause(bool paused);
  // Takes what has arrived, without waiting for the loop to say so.
  void Receive();

 private:
  struct Queued {
    std::unique_ptr<google::protobuf::MessageLite> message;
    UniqueFd descriptor;
  };
  void OnEvents(uint32_t events);
  // False if the channel was destroyed meanwhile.
  bool ReceiveAtMost(size_t packets);
  bool FlushQueue();
  void End(const absl::Status& why);
  void WatchAsNeeded();

  EventLoop& loop_;
  UniqueFd socket_;
  Owner& owner_;
  std::deque<Queued> queue_;
  bool ended_ = false;
  bool paused_ = false;
  // Its end tells a method that a callback destroyed the channel.
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace grpc_os::runtime

#endif  // GRPC_OS_RUNTIME_PACKET_CHANNEL_H_
