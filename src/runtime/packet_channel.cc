#include "runtime/packet_channel.h"

#include <sys/epoll.h>

#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"

namespace grpc_os::runtime {
namespace {

// Per wake-up, so that one talkative supervisor does not keep the loop from the others.
constexpr size_t kPacketsPerTurn = 64;

}  // namespace

PacketChannel::PacketChannel(EventLoop& loop, UniqueFd socket, Owner& owner)
    : loop_(loop), socket_(std::move(socket)), owner_(owner) {
  WatchAsNeeded();
}

void PacketChannel::WatchAsNeeded() {
  const uint32_t events = queue_.empty() ? EPOLLIN : EPOLLIN | EPOLLOUT;
  loop_.Watch(socket_.get(), events, [this](uint32_t ready) { OnEvents(ready); });
}

void PacketChannel::Pause(bool paused) {
  if (ended_ || std::exchange(paused_, paused) == paused) return;
  // An end of the other side would be reported all the time to who watches for nothing.
  if (paused) return loop_.Unwatch(socket_.get());
  WatchAsNeeded();
}

PacketChannel::~PacketChannel() {
  if (!ended_ && !paused_) loop_.Unwatch(socket_.get());
}

absl::Status PacketChannel::Send(const google::protobuf::MessageLite& message,
                                 UniqueFd descriptor) {
  if (ended_) return absl::UnavailableError("the connection has ended");
  if (queue_.empty()) {
    absl::Status sent = protocol::SendPacket(socket_.get(), message, descriptor.get());
    if (!absl::IsResourceExhausted(sent)) return sent;
  }
  if (queue_.size() >= kQueueMessages) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the other side does not read: ", kQueueMessages, " messages wait for it"));
  }
  std::unique_ptr<google::protobuf::MessageLite> copy(message.New());
  copy->CheckTypeAndMergeFrom(message);
  queue_.push_back({std::move(copy), std::move(descriptor)});
  if (queue_.size() == 1 && !paused_) loop_.Rewatch(socket_.get(), EPOLLIN | EPOLLOUT);
  return absl::OkStatus();
}

void PacketChannel::Receive() { ReceiveAtMost(std::numeric_limits<size_t>::max()); }

void PacketChannel::OnEvents(uint32_t events) {
  if ((events & EPOLLOUT) != 0 && !FlushQueue()) return;
  if ((events & ~static_cast<uint32_t>(EPOLLOUT)) != 0) ReceiveAtMost(kPacketsPerTurn);
}

bool PacketChannel::ReceiveAtMost(size_t packets) {
  const std::weak_ptr<char> alive = alive_;
  for (size_t i = 0; i < packets && !ended_ && !paused_; ++i) {
    absl::StatusOr<protocol::Packet> packet = protocol::ReceivePacket(socket_.get());
    if (!packet.ok()) {
      End(packet.status());
      return false;
    }
    if (packet->empty) return true;
    if (packet->closed) {
      End(absl::UnavailableError("the other side has closed the connection"));
      return false;
    }
    owner_.OnPacket(*std::move(packet));
    if (alive.expired()) return false;
  }
  return true;
}

bool PacketChannel::FlushQueue() {
  while (!queue_.empty()) {
    const Queued& next = queue_.front();
    const absl::Status sent =
        protocol::SendPacket(socket_.get(), *next.message, next.descriptor.get());
    if (absl::IsResourceExhausted(sent)) return true;
    if (!sent.ok()) {
      // What the other side said before it went is still to be read; the end shows there.
      queue_.clear();
      break;
    }
    queue_.pop_front();
  }
  loop_.Rewatch(socket_.get(), EPOLLIN);
  const std::weak_ptr<char> alive = alive_;
  owner_.OnDrained();
  return !alive.expired();
}

void PacketChannel::End(const absl::Status& why) {
  ended_ = true;
  loop_.Unwatch(socket_.get());
  owner_.OnClosed(why);
}

}  // namespace grpc_os::runtime
