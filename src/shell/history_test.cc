#include "shell/history.h"

#include <gtest/gtest.h>

namespace grpc_os::shell {
namespace {

TEST(HistoryTest, WordsAfterLoginAreNotKept) {
  EXPECT_EQ(HistoryLine("login admin hunter2"), "login");
  EXPECT_EQ(HistoryLine("  'log'in admin hunter2"), "login");
  EXPECT_EQ(HistoryLine("login \"admin hunter2"), "login");
  EXPECT_EQ(HistoryLine("login admin 'two\nlines'"), "login");
  EXPECT_EQ(HistoryLine("lgoin admin hunter2"), "");
  EXPECT_EQ(HistoryLine("loginadmin hunter2"), "");
}

TEST(HistoryTest, NorAreOtherPasswords) {
  EXPECT_EQ(HistoryLine("user passwd eva hunter2"), "user passwd");
  EXPECT_EQ(HistoryLine("user 'passwd' eva"), "user passwd");
  EXPECT_EQ(HistoryLine("user add eva hunter2"), "user add");
  EXPECT_EQ(HistoryLine("user add eva --role viewer"), "user add eva --role viewer");
  EXPECT_EQ(HistoryLine("usr passwd eva hunter2"), "");
  EXPECT_EQ(HistoryLine("user pswd eva hunter2"), "");
}

TEST(HistoryTest, NorAreTokens) {
  EXPECT_EQ(HistoryLine("start web \"app\" GRPC_OS_TOKEN=x"), "");
  EXPECT_EQ(HistoryLine("start web \"app\" KEY=abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGH"), "");
  EXPECT_EQ(HistoryLine("sessions end 0123456789abcdef0123456789abcdef"),
            "sessions end 0123456789abcdef0123456789abcdef");
}

TEST(HistoryTest, NorAreSecretVariables) {
  for (const char* line :
       {"start web app --secret PASSWORD=hunter2", "start web app --secret=PASSWORD=hunter2",
        "update web --secert PASSWORD=hunter2", "update web --secret 'PASSWORD=hunter2",
        "grpc-os update web --secrets PASSWORD=hunter2"}) {
    EXPECT_EQ(HistoryLine(line), "") << line;
  }
  for (const char* line : {"start web app --secret PASSWORD", "update web --secret=PASSWORD A=b"})
    EXPECT_EQ(HistoryLine(line), line);
}

TEST(HistoryTest, AllElseIsKept) {
  for (const char* line : {"logs -f web", "logout", "strat web", "start web \"sleep 1\" A=b",
                           "sessions", "user ls", "user rm eva", "role grant eva viewer"}) {
    EXPECT_EQ(HistoryLine(line), line);
  }
}

TEST(HistoryLine, NoSecretFromTheMiddleOfALine) {
  for (const char* line :
       {"whoami; login admin hunter2", "ps && login admin hunter2", "ps ;login admin hunter2",
        "grpc-os login admin hunter2", "sudo grpc-os login admin hunter2",
        "token create; user passwd admin hunter2", "ps &&login admin hunter2",
        "grpc-os user passwd admin hunter2", "whoami; lgoin admin hunter2"}) {
    EXPECT_EQ(HistoryLine(line), "") << line;
  }
  EXPECT_EQ(HistoryLine("help login"), "help login");
  EXPECT_EQ(HistoryLine("start web \"python3 login.py\""), "start web \"python3 login.py\"");
  EXPECT_EQ(HistoryLine("logs -f web"), "logs -f web");
}

}  // namespace
}  // namespace grpc_os::shell
