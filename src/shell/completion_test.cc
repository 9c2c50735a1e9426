#include "shell/completion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "client/fake_daemon.h"
#include "grpc_os/v1/auth_services.pb.h"
#include "grpc_os/v1/process_services.pb.h"
#include "shell/commands/kinds.h"
#include "shell/commands/process_rows.h"
#include "shell/live_names.h"

namespace grpc_os::shell {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

using Words = std::vector<std::string>;

constexpr char kSession[] = "0123456789abcdef0123456789abcdef";

class CompletionTest : public ::testing::Test {
 protected:
  // "kill web-1 w": the last word is the one that is typed.
  Words At(const Words& words) {
    const Words before(words.begin(), words.end() - 1);
    return CompleteProgram(before, words.back(), ask_);
  }
  Words Bash(const Words& words) { return CompleteForBash(ReadBashWords(words), ask_); }

  int asked_ = 0;
  Words processes_ = {"web-1", "web-2", "job"};
  AskDaemon ask_ = [this](const WordKind& kind, const std::string& /*folder*/) -> LiveWords {
    ++asked_;
    if (kind.live == kProcessWord.live) return {.names = processes_, .ids = {"proc_1a", "proc_2b"}};
    if (kind.live == kUserWord.live) return {.names = {"admin", "eva"}};
    if (kind.live == kRoleWord.live) return {.names = {"admin", "operator", "viewer", "team-a"}};
    if (kind.live == kDomainWord.live) return {.names = {"a.example", "b.example"}};
    return {.ids = {kSession}};
  };
};

TEST_F(CompletionTest, CommandsSubcommandsAndOptions) {
  EXPECT_THAT(At({"wh"}), ElementsAre("whoami"));
  EXPECT_THAT(At({"us"}), ElementsAre("user"));
  EXPECT_THAT(At({"user", "p"}), ElementsAre("passwd"));
  EXPECT_THAT(At({"delete", "--f"}), ElementsAre("--force"));
  EXPECT_THAT(At({"user", "add", "--"}), AllOf(Contains("--role"), Contains("--output")));
  EXPECT_THAT(At({"help", "user", "a"}), ElementsAre("add"));
  EXPECT_THAT(At({"--ad"}), ElementsAre("--address"));
  EXPECT_THAT(At({"--address", "h:1", "-o", "json", "wh"}), ElementsAre("whoami"));
  EXPECT_THAT(At({"__"}), IsEmpty());
  EXPECT_THAT(At({"nonsense", ""}), IsEmpty());
  EXPECT_EQ(asked_, 0);
}

TEST_F(CompletionTest, ValuesOfOptions) {
  EXPECT_THAT(At({"ps", "-o", "j"}), ElementsAre("json", "jsonl"));
  EXPECT_THAT(At({"ps", "--output=y"}), ElementsAre("--output=yaml"));
  EXPECT_THAT(At({"-o", "w"}), ElementsAre("wide"));
  EXPECT_THAT(At({"start", "x", "sleep 1", "--restart", "n"}), ElementsAre("never"));
  EXPECT_THAT(At({"log-level", "d"}), ElementsAre("debug"));
  EXPECT_THAT(At({"events", "-k", ""}), ElementsAre("domain", "object", "process", "quota",
                                                    "revision", "role", "user", "volume"));
  EXPECT_THAT(At({"wait", "web-1", "--timeout", ""}), IsEmpty());
  EXPECT_EQ(asked_, 0);
  EXPECT_THAT(At({"sessions", "--user", "e"}), ElementsAre("eva"));
  EXPECT_THAT(At({"user", "add", "eva", "--role", "o"}), ElementsAre("operator"));
}

TEST_F(CompletionTest, AnOptionIsOfferedUntilItIsGiven) {
  EXPECT_THAT(At({"delete", "--force", "--f"}), IsEmpty());
  EXPECT_THAT(At({"user", "add", "-r", "viewer", "--ro"}), ElementsAre("--role"));
  EXPECT_THAT(At({"kill", "--", "--f"}), IsEmpty());
}

TEST_F(CompletionTest, NamesFromTheDaemon) {
  EXPECT_THAT(At({"kill", ""}), ElementsAre("job", "web-1", "web-2"));
  EXPECT_THAT(At({"kill", "web-1", "w"}), ElementsAre("web-2"));
  EXPECT_THAT(At({"user", "rm", "a"}), ElementsAre("admin"));
  EXPECT_THAT(At({"role", "grant", "eva", ""}),
              ElementsAre("admin", "operator", "team-a", "viewer"));
  EXPECT_THAT(At({"role", "show", "t"}), ElementsAre("team-a"));
  EXPECT_THAT(At({"role", "update", "team-a", "--d"}),
              ElementsAre("--deny", "--description", "--drop"));
  EXPECT_THAT(At({"logs", "web-1", ""}), IsEmpty());
  EXPECT_THAT(At({"signal", "web-1", "H"}), ElementsAre("HUP"));
  EXPECT_THAT(At({"ps", "-w", "jo"}), ElementsAre("job"));
  EXPECT_THAT(At({"login", "eva", ""}), IsEmpty());
  for (const char* command : {"assign", "unassign", "domain-status"})
    EXPECT_THAT(At({command, ""}), ElementsAre("a.example", "b.example")) << command;
  EXPECT_THAT(At({"assign", "a.example", "w"}), ElementsAre("web-1", "web-2"));
  EXPECT_THAT(At({"unassign", "a.example", "w"}), ElementsAre("web-1", "web-2"));
  EXPECT_THAT(At({"assign", "a.example", "web-1", ""}), IsEmpty());
  EXPECT_THAT(At({"logs", "--domain", "b"}), ElementsAre("b.example"));
}

TEST_F(CompletionTest, IdsOnlyWhereSomethingOfOneWasTyped) {
  EXPECT_THAT(At({"kill", "p"}), IsEmpty());
  EXPECT_THAT(At({"kill", "proc_"}), ElementsAre("proc_1a", "proc_2b"));
  EXPECT_THAT(At({"sessions", "end", ""}), IsEmpty());
  EXPECT_THAT(At({"sessions", "end", "01"}), ElementsAre(kSession));
}

TEST_F(CompletionTest, WhatATerminalWouldActOnIsNotOffered) {
  processes_ = {"a\x1b[2J", "a\nb", "a\xc2\x9b", "a\xe2\x80\xae", "a\x7f", "a\xff", "ok a"};
  EXPECT_THAT(At({"kill", "a"}), IsEmpty());
  EXPECT_THAT(Bash({"kill", ""}), ElementsAre("ok\\ a"));
}

TEST_F(CompletionTest, BashSplitsWordsAtEqualsAndColons) {
  EXPECT_THAT(Bash({"ps", "--output", "=", "js"}), ElementsAre("json", "jsonl"));
  EXPECT_THAT(Bash({"ps", "--output", "="}), Contains("table"));
  EXPECT_THAT(Bash({"--address", "unix", ":", "/x/api.sock", "wh"}), ElementsAre("whoami"));
  EXPECT_EQ(ReadBashWords(Words{"--address", "unix", ":", "/x", "ps", ""}).before,
            (Words{"--address", "unix:/x", "ps"}));
  EXPECT_THAT(Bash({}), Contains("ps"));
}

TEST_F(CompletionTest, BashGetsWordsQuoted) {
  processes_ = {"a b", "a'c", "a$d"};
  EXPECT_THAT(Bash({"kill", "a"}), ElementsAre("a\\ b", "a\\$d", "a\\'c"));
  EXPECT_THAT(Bash({"kill", "\"a"}), ElementsAre("a b", "a\\$d", "a'c"));
  EXPECT_THAT(Bash({"kill", "a\\ "}), ElementsAre("a\\ b"));
}

TEST_F(CompletionTest, EveryKindOfArgumentIsAskedForWithoutTrouble) {
  for (const Command& command : Commands()) {
    Words words = {command.name.substr(0, command.name.find(' '))};
    if (command.name.find(' ') != std::string::npos) {
      words.push_back(command.name.substr(command.name.find(' ') + 1));
    }
    words.emplace_back("w");
    EXPECT_THAT(At(words), Each(StartsWith("w"))) << command.name;
  }
}

using Clock = std::chrono::steady_clock;

class LiveNamesTest : public ::testing::Test {
 protected:
  std::unique_ptr<LiveNames> NewNames() {
    return std::make_unique<LiveNames>(
        *client::ParseAddress(daemon_.address()),
        client::ClientOptions{.state_directory = directory_.path() + "/state"});
  }
  // What `words` may go on with. A machine that is busy answers late, or not in time, which serves
  // for two seconds too.
  static Words Patiently(LiveNames& names, const Words& before, const std::string& word = "") {
    const auto end = Clock::now() + std::chrono::seconds(30);
    const auto ask = [&](const WordKind& kind, const std::string& folder) {
      for (;;) {
        LiveWords all = names.Of(kind, folder);
        if (!all.names.empty() || !all.ids.empty() || Clock::now() > end) return all;
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
      }
    };
    return Complete(before, word, ask);
  }

  client::TemporaryDirectory directory_;
  client::FakeDaemon daemon_{directory_.path()};
};

TEST_F(LiveNamesTest, BeyondTheFirstPageByWhatWasTyped) {
  for (int i = 10; i < 40; ++i) daemon_.AddObject("/big/" + std::to_string(i), "x");
  daemon_.AddObject("/big/last", "x");
  daemon_.AddObject("/big/later/below", "x");
  const auto names = NewNames();
  EXPECT_THAT(Patiently(*names, {"cat"}, "/big/1"), ::testing::SizeIs(10));
  EXPECT_THAT(Patiently(*names, {"cat"}, "/big/la"), ElementsAre("/big/last", "/big/later/"));
  EXPECT_THAT(Patiently(*names, {"cd"}, "/big/la"), ElementsAre("/big/later/"));
  EXPECT_THAT(Patiently(*names, {"cat"}, "/big/"), ElementsAre(kTooMany, "/big/"));
  daemon_.AddObject("/small/a", "x");
  EXPECT_THAT(Patiently(*names, {"cat"}, "/small/"), ElementsAre("/small/a"));
}

TEST_F(CompletionTest, WhereThereAreTooManyNothingIsTypedForTheUser) {
  const auto ask = [](const WordKind&, const std::string&) -> LiveWords {
    return {.names = {"10001", "10002"}, .more = true};
  };
  const Words cat = {"cat"};
  EXPECT_THAT(Complete(cat, "/big/1", ask), ElementsAre(kTooMany, "/big/1"));
  EXPECT_THAT(Complete(cat, "", ask), ElementsAre(kTooMany, "..."));
  const Words typed = {"cat", "/big/1"};
  EXPECT_THAT(CompleteForBash(ReadBashWords(typed), ask), ElementsAre(kTooMany, "/big/1"));
}

TEST_F(LiveNamesTest, OfEachKind) {
  daemon_.AddProcess("web", v1::Process::STATE_RUNNING);
  daemon_.AddUser("eva", "", {});
  daemon_.AddObject("/d/a", "x");
  client::Client client(*client::ParseAddress(daemon_.address()),
                        {.state_directory = directory_.path() + "/state"});
  v1::CreateRoleRequest request;
  request.mutable_role()->set_name("team-a");
  ASSERT_TRUE(client.CreateRole(request).ok());
  const auto names = NewNames();
  EXPECT_THAT(Patiently(*names, {"kill"}), ElementsAre("web"));
  EXPECT_THAT(Patiently(*names, {"kill"}, "proc_"), ElementsAre(StartsWith("proc_")));
  EXPECT_THAT(Patiently(*names, {"signal", "web"}), AllOf(Contains("HUP"), Not(Contains("web"))));
  EXPECT_THAT(Patiently(*names, {"user", "show"}), ElementsAre("eva"));
  EXPECT_THAT(Patiently(*names, {"role", "show"}, "t"), ElementsAre("team-a"));
  EXPECT_THAT(Patiently(*names, {"role", "grant", "eva"}, "t"), ElementsAre("team-a"));
  EXPECT_THAT(Patiently(*names, {"token", "create", "--role"}, "t"), ElementsAre("team-a"));
  EXPECT_THAT(Patiently(*names, {"cat"}, "/d/"), ElementsAre("/d/a"));
  EXPECT_THAT(Patiently(*names, {"cd"}, "/"), ElementsAre("/d/"));
  const Words ids = names->Of(*FindCommand("sessions end")->arguments[0]).ids;
  ASSERT_THAT(ids, Not(IsEmpty()));
  EXPECT_THAT(Patiently(*names, {"sessions", "end"}, ids[0].substr(0, 1)), Contains(ids[0]));
}

TEST_F(LiveNamesTest, WhatCameServesForAWhile) {
  daemon_.AddProcess("web", v1::Process::STATE_RUNNING);
  const auto names = NewNames();
  EXPECT_THAT(Patiently(*names, {"kill"}), Contains("web"));
  for (;;) {
    const auto begin = Clock::now();
    names->Of(kProcessWord);
    const size_t calls = daemon_.calls().size();
    names->Of(kProcessWord);
    if (daemon_.calls().size() == calls) break;
    // Only because a while had passed.
    ASSERT_GE(Clock::now() - begin, std::chrono::seconds(1));
  }
}

TEST_F(LiveNamesTest, ADaemonThatDoesNotAnswerGivesNothing) {
  daemon_.AddProcess("web", v1::Process::STATE_RUNNING);
  {
    const std::lock_guard<std::mutex> lock(daemon_.state.mutex);
    daemon_.state.hang = true;
  }
  EXPECT_THAT(NewNames()->Of(kProcessWord).names, IsEmpty());
  LiveNames nobody(*client::ParseAddress("unix:/nonexistent/run/api.sock"),
                   {.state_directory = "/tmp/none"});
  EXPECT_THAT(nobody.Of(kProcessWord).names, IsEmpty());
}

TEST(BashScriptTest, CallsTheSameCode) {
  EXPECT_THAT(BashScript(), AllOf(HasSubstr("__complete"), HasSubstr("complete -F _grpc_os")));
}

}  // namespace
}  // namespace grpc_os::shell
