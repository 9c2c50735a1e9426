#include "supervise/notify.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <string>
#include <vector>

#include "base/id.h"

namespace grpc_os::supervise {
namespace {

TEST(Notification, KnowsReadyStoppingAndStatusAndIgnoresTheRest) {
  const Notification all =
      ParseNotification("MAINPID=1\nREADY=1\nSTATUS=3 of 4\nWATCHDOG=1\nSTOPPING=1\n");
  EXPECT_TRUE(all.ready);
  EXPECT_TRUE(all.stopping);
  EXPECT_EQ(all.status, "3 of 4");
  for (const char* other : {"", "\n\n", "READY=0", "READY=12", " READY=1", "ready=1", "READY"}) {
    EXPECT_FALSE(ParseNotification(other).ready) << other;
  }
}

TEST(Notification, MakesAStatusPrintableUtf8) {
  EXPECT_EQ(*ParseNotification("STATUS=gr\xc3\xbc\xc3\x9f").status, "gr\xc3\xbc\xc3\x9f");
  EXPECT_EQ(*ParseNotification("STATUS=a\x1b[31mb\tc").status, "a?[31mb?c");
  EXPECT_EQ(*ParseNotification("STATUS=\xff\xc3").status, "??");
  EXPECT_EQ(*ParseNotification("STATUS=\xc0\xaf|\xed\xa0\x80|\xf4\x90\x80\x80").status,
            "??|???|????");
  EXPECT_EQ(*ParseNotification("STATUS=\xc2\x9b"
                               "31m")
                 .status,
            "?31m");
}

TEST(Notification, CutsALongStatusBetweenCharacters) {
  std::string text = "STATUS=x";
  for (int i = 0; i < 1000; ++i) text += "\xc3\xbc";
  const std::string status = *ParseNotification(text).status;
  EXPECT_EQ(status.size(), kStatusBytesMax - 1);
  EXPECT_EQ(status.substr(status.size() - 2), "\xc3\xbc");
}

void SendTo(const std::string& address, const std::string& text) {
  const UniqueFd client(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  memcpy(to.sun_path + 1, address.data() + 1, address.size() - 1);
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address.size());
  ASSERT_EQ(
      sendto(client.get(), text.data(), text.size(), 0, reinterpret_cast<sockaddr*>(&to), length),
      static_cast<ssize_t>(text.size()));
}

TEST(NotifySocket, GivesWhatAcceptedSendersSayAndNothingElse) {
  auto socket = NotifySocket::Bind(RandomHex128());
  ASSERT_TRUE(socket.ok()) << socket.status();
  SendTo(socket->address(), "STATUS=one");
  SendTo(socket->address(), "STATUS=two");
  std::vector<std::string> said;
  std::vector<pid_t> senders;
  socket->Receive(
      [&](const Sender& sender) {
        senders.push_back(sender.pid);
        EXPECT_EQ(sender.uid, getuid());
        EXPECT_FALSE(sender.Gone());
        return senders.size() == 2;
      },
      [&](const Notification& notification) { said.push_back(*notification.status); });
  EXPECT_EQ(senders, (std::vector<pid_t>{getpid(), getpid()}));
  EXPECT_EQ(said, (std::vector<std::string>{"two"}));
}

TEST(NotifySocket, DropsWhatIsOfAnExecutionBefore) {
  auto socket = NotifySocket::Bind(RandomHex128());
  ASSERT_TRUE(socket.ok()) << socket.status();
  SendTo(socket->address(), "READY=1");
  SendTo(socket->address(), "");
  SendTo(socket->address(), "READY=1");
  socket->Discard();
  SendTo(socket->address(), "STATUS=new");
  std::vector<std::string> said;
  socket->Receive([](const Sender&) { return true; },
                  [&](const Notification& notification) {
                    said.push_back(notification.status.value_or("none"));
                  });
  EXPECT_EQ(said, (std::vector<std::string>{"new"}));
}

// Its uid is what remains: also while its parent has yet to wait for it.
TEST(Sender, IsGoneOnceItHasEnded) {
  const pid_t child = fork();
  if (child == 0) _exit(0);
  siginfo_t info{};
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);
  EXPECT_TRUE((Sender{child, getuid()}.Gone())) << "a zombie";
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  EXPECT_TRUE((Sender{child, getuid()}.Gone()));
  EXPECT_FALSE((Sender{1, 0}.Gone())) << "another's";
}

TEST(ReadinessPace, LetsAFewChangesThroughAndThenOneASecond) {
  ReadinessPace pace;
  int64_t now_ms = 5'000;
  for (int i = 0; i < ReadinessPace::kBurst; ++i) EXPECT_EQ(pace.Take(now_ms), 0) << i;
  EXPECT_EQ(pace.Take(now_ms), ReadinessPace::kEachMs);
  EXPECT_EQ(pace.Take(now_ms + 400), ReadinessPace::kEachMs - 400) << "asking costs nothing";
  int changes = 0;
  for (int64_t end_ms = now_ms + 60'000; now_ms < end_ms; now_ms += 3) {
    changes += pace.Take(now_ms) == 0 ? 1 : 0;
  }
  EXPECT_GE(changes, 55);
  EXPECT_LE(changes, 60);
  now_ms += ReadinessPace::kBurst * ReadinessPace::kEachMs;
  for (int i = 0; i < ReadinessPace::kBurst; ++i) EXPECT_EQ(pace.Take(now_ms), 0) << i;
}

TEST(NotifySocket, CannotTakeANameThatIsTaken) {
  const std::string name = RandomHex128();
  const auto first = NotifySocket::Bind(name);
  ASSERT_TRUE(first.ok());
  EXPECT_FALSE(NotifySocket::Bind(name).ok());
}

}  // namespace
}  // namespace grpc_os::supervise
