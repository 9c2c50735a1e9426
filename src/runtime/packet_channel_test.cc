#include "runtime/packet_channel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <functional>
#include <memory>
#include <vector>

#include "protocol/messages.pb.h"

namespace grpc_os::runtime {
namespace {

using ::testing::ElementsAre;

internal::SuperviseRequest Ack(int64_t seq) {
  internal::SuperviseRequest request;
  request.set_ack_seq(seq);
  return request;
}

int64_t SeqOf(const protocol::Packet& packet) {
  internal::SuperviseRequest request;
  EXPECT_TRUE(request.ParseFromString(packet.bytes));
  return request.ack_seq();
}

class PacketChannelTest : public ::testing::Test, protected PacketChannel::Owner {
 protected:
  PacketChannelTest() {
    int fds[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
    peer_ = UniqueFd(fds[1]);
    channel_ = std::make_unique<PacketChannel>(loop_, UniqueFd(fds[0]),
                                               static_cast<PacketChannel::Owner&>(*this));
  }
  void OnPacket(protocol::Packet packet) override {
    received_.push_back(SeqOf(packet));
    if (on_packet_) on_packet_();
  }
  void OnDrained() override {
    ++drained_;
    if (on_drained_) on_drained_();
  }
  void OnClosed(const absl::Status& why) override {
    closed_.push_back(why.code());
    channel_.reset();
  }
  // What the peer finds in its socket, at most `count`.
  std::vector<int64_t> ReadAtPeer(size_t count) {
    std::vector<int64_t> seqs;
    while (seqs.size() < count) {
      auto packet = protocol::ReceivePacket(peer_.get());
      if (!packet.ok() || packet->empty || packet->closed) break;
      seqs.push_back(SeqOf(*packet));
    }
    return seqs;
  }
  void Settle() {
    for (int i = 0; i < 20; ++i) loop_.RunOnce(0);
  }

  EventLoop loop_;
  UniqueFd peer_;
  std::unique_ptr<PacketChannel> channel_;
  std::vector<int64_t> received_;
  std::vector<absl::StatusCode> closed_;
  int drained_ = 0;
  std::function<void()> on_packet_;
  std::function<void()> on_drained_;
};

TEST_F(PacketChannelTest, KeepsTheOrderWhenThereIsRoomAgain) {
  int64_t sent = 0;
  while (!channel_->backlogged()) ASSERT_TRUE(channel_->Send(Ack(++sent)).ok());
  std::vector<int64_t> seen = ReadAtPeer(50);
  // The socket has room, but what waits comes first.
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(channel_->Send(Ack(++sent)).ok());
  for (int i = 0; i < 20; ++i) {
    loop_.RunOnce(0);
    for (const int64_t seq : ReadAtPeer(1000)) seen.push_back(seq);
  }
  ASSERT_EQ(seen.size(), static_cast<size_t>(sent));
  for (int64_t i = 0; i < sent; ++i) EXPECT_EQ(seen[i], i + 1);
  EXPECT_FALSE(channel_->backlogged());
  EXPECT_EQ(drained_, 1);
}

TEST_F(PacketChannelTest, QueueIsBounded) {
  int64_t sent = 0;
  while (!channel_->backlogged()) ASSERT_TRUE(channel_->Send(Ack(++sent)).ok());
  for (size_t i = 1; i < PacketChannel::kQueueMessages; ++i) {
    ASSERT_TRUE(channel_->Send(Ack(++sent)).ok());
  }
  EXPECT_EQ(channel_->Send(Ack(0)).code(), absl::StatusCode::kResourceExhausted);
}

TEST_F(PacketChannelTest, WhatWasSaidBeforeTheEndIsHeard) {
  for (int i = 1; i <= 3; ++i) ASSERT_TRUE(protocol::SendPacket(peer_.get(), Ack(i)).ok());
  peer_.Reset();
  EXPECT_EQ(channel_->Send(Ack(1)).code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(closed_.empty()) << "never from inside Send";
  Settle();
  EXPECT_THAT(received_, ElementsAre(1, 2, 3));
  EXPECT_THAT(closed_, ElementsAre(absl::StatusCode::kUnavailable));
}

TEST_F(PacketChannelTest, ReceivesNothingWhilePausedAndLosesNothing) {
  on_packet_ = [this] { channel_->Pause(true); };
  for (int i = 1; i <= 3; ++i) ASSERT_TRUE(protocol::SendPacket(peer_.get(), Ack(i)).ok());
  Settle();
  EXPECT_THAT(received_, ElementsAre(1));
  ASSERT_TRUE(channel_->Send(Ack(7)).ok());
  EXPECT_THAT(ReadAtPeer(1), ElementsAre(7));
  peer_.Reset();
  channel_->Pause(false);
  Settle();
  EXPECT_THAT(received_, ElementsAre(1, 2));
  EXPECT_TRUE(closed_.empty());
  on_packet_ = nullptr;
  channel_->Pause(false);
  Settle();
  EXPECT_THAT(received_, ElementsAre(1, 2, 3));
  EXPECT_THAT(closed_, ElementsAre(absl::StatusCode::kUnavailable));
}

TEST_F(PacketChannelTest, WhatWaitedWhenItWasPausedIsSentOnceItGoesOn) {
  int64_t sent = 0;
  while (!channel_->backlogged()) ASSERT_TRUE(channel_->Send(Ack(++sent)).ok());
  channel_->Pause(true);
  std::vector<int64_t> seen = ReadAtPeer(10'000);
  channel_->Pause(false);
  Settle();
  for (const int64_t seq : ReadAtPeer(10'000)) seen.push_back(seq);
  EXPECT_EQ(seen.size(), static_cast<size_t>(sent));
  EXPECT_EQ(drained_, 1);
}

TEST_F(PacketChannelTest, MayBeDestroyedFromItsCallbacks) {
  on_packet_ = [this] { channel_.reset(); };
  for (int i = 1; i <= 3; ++i) ASSERT_TRUE(protocol::SendPacket(peer_.get(), Ack(i)).ok());
  Settle();
  EXPECT_THAT(received_, ElementsAre(1));
  EXPECT_TRUE(closed_.empty());
}

TEST_F(PacketChannelTest, MayBeDestroyedWhenDrained) {
  on_drained_ = [this] { channel_.reset(); };
  while (!channel_->backlogged()) ASSERT_TRUE(channel_->Send(Ack(1)).ok());
  ReadAtPeer(1000);
  ASSERT_TRUE(protocol::SendPacket(peer_.get(), Ack(7)).ok());
  Settle();
  EXPECT_EQ(drained_, 1);
  EXPECT_TRUE(received_.empty());
}

}  // namespace
}  // namespace grpc_os::runtime
