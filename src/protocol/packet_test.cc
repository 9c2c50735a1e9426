#include "protocol/packet.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cstring>
#include <filesystem>

#include "base/limits.h"
#include "protocol/messages.pb.h"

namespace grpc_os::protocol {
namespace {

using ::testing::HasSubstr;

internal::InitRequest Ping() {
  internal::InitRequest request;
  request.mutable_ping();
  return request;
}

internal::InitReply ListOfBytes(size_t bytes) {
  internal::InitReply reply;
  reply.mutable_instances()->add_instance_ids(std::string(bytes, 'x'));
  return reply;
}

class PacketTest : public ::testing::Test {
 protected:
  void SetUp() override {
    int fds[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
    here_.Reset(fds[0]);
    there_.Reset(fds[1]);
    std::string pattern = (std::filesystem::temp_directory_path() / "packet_test.XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  // Sends `count` descriptors of /dev/null in one packet of so many bytes, as SendPacket never
  // does.
  void SendDescriptors(int count, size_t bytes = 1) {
    UniqueFd null(open("/dev/null", O_RDONLY | O_CLOEXEC));
    std::string content(bytes, 'x');
    iovec part{content.data(), content.size()};
    std::vector<char> control(CMSG_SPACE(sizeof(int) * static_cast<size_t>(count)));
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int) * static_cast<size_t>(count));
    for (int i = 0; i < count; ++i) {
      const int fd = null.get();
      memcpy(CMSG_DATA(rights) + sizeof(int) * static_cast<size_t>(i), &fd, sizeof fd);
    }
    ASSERT_EQ(sendmsg(here_.get(), &header, 0), static_cast<ssize_t>(bytes));
  }

  UniqueFd here_;
  UniqueFd there_;
  std::string directory_;
};

size_t OpenDescriptors() {
  size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    ++count;
  }
  return count;
}

TEST_F(PacketTest, OneMessageIsOnePacket) {
  ASSERT_TRUE(SendPacket(here_.get(), Ping()).ok());
  ASSERT_TRUE(SendPacket(here_.get(), ListOfBytes(5)).ok());
  auto first = ReceivePacket(there_.get());
  ASSERT_TRUE(first.ok());
  internal::InitRequest request;
  ASSERT_TRUE(request.ParseFromString(first->bytes));
  EXPECT_TRUE(request.has_ping());
  EXPECT_FALSE(first->fd);
  auto second = ReceivePacket(there_.get());
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(second->bytes, ListOfBytes(5).SerializeAsString());
}

TEST_F(PacketTest, NothingToReadAndHangUpAreDifferent) {
  auto nothing = ReceivePacket(there_.get());
  ASSERT_TRUE(nothing.ok());
  EXPECT_TRUE(nothing->empty);
  EXPECT_FALSE(nothing->closed);
  ASSERT_TRUE(SendPacket(here_.get(), Ping()).ok());
  here_.Reset();
  auto last = ReceivePacket(there_.get());
  ASSERT_TRUE(last.ok());
  EXPECT_FALSE(last->closed) << "what was sent before the hang-up must still arrive";
  auto end = ReceivePacket(there_.get());
  ASSERT_TRUE(end.ok());
  EXPECT_TRUE(end->closed);
  EXPECT_FALSE(end->empty);
}

TEST_F(PacketTest, ADescriptorComesAlongAndIsCloseOnExec) {
  UniqueFd file(open("/dev/null", O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(SendPacket(here_.get(), Ping(), file.get()).ok());
  auto packet = ReceivePacket(there_.get());
  ASSERT_TRUE(packet.ok());
  ASSERT_TRUE(packet->fd);
  EXPECT_EQ(fcntl(packet->fd.get(), F_GETFD), FD_CLOEXEC);
  struct stat sent {
  }, got{};
  ASSERT_EQ(fstat(file.get(), &sent), 0);
  ASSERT_EQ(fstat(packet->fd.get(), &got), 0);
  EXPECT_EQ(sent.st_rdev, got.st_rdev);
}

TEST_F(PacketTest, SeveralDescriptorsAreRefusedAndNoneLeaks) {
  for (const int count : {2, 4, 20}) {
    const size_t before = OpenDescriptors();
    SendDescriptors(count);
    EXPECT_EQ(ReceivePacket(there_.get()).status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(OpenDescriptors(), before) << count;
  }
}

TEST_F(PacketTest, TheDescriptorsOfAPacketThatIsNotTakenAreClosed) {
  const size_t before = OpenDescriptors();
  for (const int count : {1, 4, 20}) {
    SendDescriptors(count, 0);
    const auto empty = ReceivePacket(there_.get());
    ASSERT_TRUE(empty.ok());
    EXPECT_TRUE(empty->closed);
    EXPECT_EQ(OpenDescriptors(), before) << count << " in an empty packet";
    SendDescriptors(count, static_cast<size_t>(limits::kPacketBytes) + 1);
    EXPECT_EQ(ReceivePacket(there_.get()).status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(OpenDescriptors(), before) << count << " in a packet that is too large";
  }
}

TEST_F(PacketTest, ADescriptorThatCannotBeTakenIsAnErrorThatSaysSo) {
  SendDescriptors(1);
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  rlimit none = limit;
  none.rlim_cur = 3;
  setrlimit(RLIMIT_NOFILE, &none);
  const absl::Status status = ReceivePacket(there_.get()).status();
  setrlimit(RLIMIT_NOFILE, &limit);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
}

TEST_F(PacketTest, APacketOfTheLargestSizePassesAndOneByteMoreDoesNot) {
  const size_t overhead = ListOfBytes(60'000).ByteSizeLong() - 60'000;
  const auto most = static_cast<size_t>(limits::kPacketBytes) - overhead;
  ASSERT_TRUE(SendPacket(here_.get(), ListOfBytes(most)).ok());
  auto packet = ReceivePacket(there_.get());
  ASSERT_TRUE(packet.ok());
  EXPECT_EQ(packet->bytes.size(), static_cast<size_t>(limits::kPacketBytes));
  EXPECT_EQ(SendPacket(here_.get(), ListOfBytes(most + 1)).code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(PacketTest, AnOversizedPacketIsAnErrorNotATruncatedMessage) {
  const std::string huge(static_cast<size_t>(limits::kPacketBytes) + 1, 'x');
  ASSERT_EQ(send(here_.get(), huge.data(), huge.size(), 0), static_cast<ssize_t>(huge.size()));
  EXPECT_EQ(ReceivePacket(there_.get()).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(PacketTest, AMessageWithoutContentIsRefused) {
  EXPECT_EQ(SendPacket(here_.get(), internal::InitRequest()).code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(PacketTest, SendingNeverBlocksAndNeverRaisesSigpipe) {
  absl::Status status;
  int sent = 0;
  while (status.ok() && sent < 10'000) {
    status = SendPacket(here_.get(), ListOfBytes(1000));
    ++sent;
  }
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << sent;
  there_.Reset();
  EXPECT_EQ(SendPacket(here_.get(), Ping()).code(), absl::StatusCode::kUnavailable);
}

TEST_F(PacketTest, ListensInADirectoryOfAnyLength) {
  std::string directory = directory_;
  for (int i = 0; i < 10; ++i) directory += "/a-directory-with-a-long-name";
  std::filesystem::create_directories(directory);
  auto listener = ListenAt(directory, "ctl.sock");
  ASSERT_TRUE(listener.ok()) << listener.status();
  struct stat file {};
  ASSERT_EQ(stat((directory + "/ctl.sock").c_str(), &file), 0);
  EXPECT_TRUE(S_ISSOCK(file.st_mode));
  EXPECT_EQ(file.st_mode & 0777, 0600u);
  EXPECT_EQ(fcntl(listener->get(), F_GETFD), FD_CLOEXEC);

  auto connection = ConnectTo(directory, "ctl.sock");
  ASSERT_TRUE(connection.ok()) << connection.status();
  ASSERT_TRUE(SendPacket(connection->get(), Ping()).ok());
  UniqueFd accepted(accept4(listener->get(), nullptr, nullptr, SOCK_CLOEXEC));
  ASSERT_TRUE(accepted);
  auto packet = ReceivePacket(accepted.get());
  ASSERT_TRUE(packet.ok());
  EXPECT_EQ(packet->bytes, Ping().SerializeAsString());
}

TEST_F(PacketTest, ListeningReplacesWhatIsThereAndLeavesNothingElse) {
  auto first = ListenAt(directory_, "x.sock");
  ASSERT_TRUE(first.ok());
  auto second = ListenAt(directory_, "x.sock");
  ASSERT_TRUE(second.ok()) << second.status();
  auto connection = ConnectTo(directory_, "x.sock");
  ASSERT_TRUE(connection.ok());
  EXPECT_FALSE(UniqueFd(accept4(first->get(), nullptr, nullptr, SOCK_CLOEXEC)));
  EXPECT_TRUE(UniqueFd(accept4(second->get(), nullptr, nullptr, SOCK_CLOEXEC)));
  size_t files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(directory_))
    ++files;
  EXPECT_EQ(files, 1u);
}

TEST_F(PacketTest, ConnectingTellsAbsentFromDead) {
  EXPECT_EQ(ConnectTo(directory_, "x.sock").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(ConnectTo(directory_ + "/no", "x.sock").status().code(), absl::StatusCode::kNotFound);
  ASSERT_TRUE(ListenAt(directory_, "x.sock").ok());  // closed at once
  EXPECT_EQ(ConnectTo(directory_, "x.sock").status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(PacketTest, ASocketNameIsOneComponent) {
  EXPECT_EQ(ListenAt(directory_, "a/b").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ConnectTo(directory_, "").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ListenAt(directory_, std::string(200, 'x')).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(PacketTest, AMemfdHoldsAMessageLargerThanAPacketAndCannotBeChanged) {
  internal::LaunchSpec spec;
  for (int i = 0; i < 10; ++i) spec.add_argv(std::string(100'000, 'a'));
  auto fd = ToMemfd(spec);
  ASSERT_TRUE(fd.ok()) << fd.status();
  EXPECT_EQ(pwrite(fd->get(), "x", 1, 0), -1);
  EXPECT_EQ(ftruncate(fd->get(), 0), -1);
  internal::LaunchSpec read;
  for (int i = 0; i < 2; ++i) {  // reading does not move an offset that others share
    ASSERT_TRUE(FromMemfd(fd->get(), read).ok());
    EXPECT_EQ(read.SerializeAsString(), spec.SerializeAsString());
  }
}

TEST_F(PacketTest, AnUnsealedForeignOrHugeDescriptorIsRefused) {
  internal::LaunchSpec spec;
  UniqueFd unsealed(memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  EXPECT_THAT(std::string(FromMemfd(unsealed.get(), spec).message()), HasSubstr("sealed"));
  UniqueFd file(open("/dev/null", O_RDONLY | O_CLOEXEC));
  EXPECT_FALSE(FromMemfd(file.get(), spec).ok());
  ASSERT_EQ(ftruncate(unsealed.get(), (8 << 20) + 1), 0);
  ASSERT_EQ(fcntl(unsealed.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE), 0);
  EXPECT_THAT(std::string(FromMemfd(unsealed.get(), spec).message()), HasSubstr("exceeds"));
  spec.add_argv(std::string(9 << 20, 'a'));
  EXPECT_EQ(ToMemfd(spec).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(PacketTest, LastWordsAreReadThoughTheirSpeakerDidNotReadAllThatWasSentToIt) {
  ASSERT_TRUE(SendPacket(there_.get(), Ping()).ok());
  ASSERT_TRUE(SendPacket(here_.get(), ListOfBytes(5)).ok());
  here_.Reset();
  const auto last = ReceivePacket(there_.get());
  ASSERT_TRUE(last.ok()) << last.status();
  ASSERT_FALSE(last->closed);
  internal::InitReply reply;
  ASSERT_TRUE(reply.ParseFromString(last->bytes));
  EXPECT_TRUE(reply.has_instances());
  const auto end = ReceivePacket(there_.get());
  ASSERT_TRUE(end.ok());
  EXPECT_TRUE(end->closed);
}

TEST_F(PacketTest, BytesThatAreNoMessageAreRefused) {
  UniqueFd fd(memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  ASSERT_EQ(write(fd.get(), "\xff\xff\xff", 3), 3);
  ASSERT_EQ(fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE), 0);
  internal::LaunchSpec spec;
  EXPECT_EQ(FromMemfd(fd.get(), spec).code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace grpc_os::protocol
