// Log-in by password: refresh tokens that serve once, tokens of the environment, repeated requests.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "client/client.h"
#include "client/errors.h"
#include "client/fake_daemon.h"
#include "client/token_file.h"
#include "grpc_os/v1/auth_services.pb.h"
#include "grpc_os/v1/process_services.pb.h"

namespace grpc_os::client {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr char kPassword[] = "correct horse battery";

class LogInTest : public ::testing::Test {
 protected:
  LogInTest() { daemon_.AddUser("eva", kPassword, {"viewer"}); }

  std::unique_ptr<Client> NewClient(ClientOptions options = {}) {
    options.state_directory = directory_.path() + "/state";
    return std::make_unique<Client>(*ParseAddress(daemon_.address()), options);
  }
  int refreshes() {
    const std::lock_guard<std::mutex> lock(daemon_.state.mutex);
    return daemon_.state.refreshes;
  }
  TokenFile::Content kept() {
    return *TokenFile(directory_.path() + "/state", daemon_.address()).Read();
  }
  int Count(const std::string& call) {
    const auto calls = daemon_.calls();
    return static_cast<int>(std::count(calls.begin(), calls.end(), call));
  }

  TemporaryDirectory directory_;
  FakeDaemon daemon_{directory_.path()};
};

TEST_F(LogInTest, APasswordOpensASessionThatLaterProgramsUse) {
  absl::Status not_kept = absl::UnknownError("not set");
  const auto response = NewClient()->Login("eva", kPassword, &not_kept);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_TRUE(not_kept.ok()) << not_kept;
  EXPECT_EQ(NewClient()->WhoAmI()->identity().user(), "eva");
  EXPECT_EQ(kept().user, "eva");
  EXPECT_EQ(kept().refresh_token, response->refresh_token());
}

TEST_F(LogInTest, AWrongPasswordChangesNothing) {
  ASSERT_TRUE(NewClient()->Login("eva", kPassword).ok());
  EXPECT_EQ(ReasonOf(NewClient()->Login("eva", "wrong password").status()), "LOGIN_FAILED");
  EXPECT_EQ(NewClient()->WhoAmI()->identity().user(), "eva");
}

TEST_F(LogInTest, AnExpiredTokenIsRenewedWithoutAWord) {
  const auto client = NewClient();
  ASSERT_TRUE(client->Login("eva", kPassword).ok());
  for (int i = 0; i < 3; ++i) {
    daemon_.ForgetTokens();
    EXPECT_EQ(client->WhoAmI()->identity().user(), "eva");
  }
  EXPECT_EQ(refreshes(), 3);
  EXPECT_EQ(Count("LoginPeer"), 0);
}

TEST_F(LogInTest, ManyProgramsSpendOneRefreshTokenTogether) {
  ASSERT_TRUE(NewClient()->Login("eva", kPassword).ok());
  for (int round = 0; round < 5; ++round) {
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < 12; ++i) {
      clients.push_back(NewClient());
      ASSERT_TRUE(clients.back()->WhoAmI().ok());  // each knows the token
    }
    daemon_.ForgetTokens();
    std::atomic<int> answered = 0;
    std::vector<std::thread> threads;
    for (auto& client : clients) {
      threads.emplace_back([&answered, &client] {
        const auto who = client->WhoAmI();
        EXPECT_TRUE(who.ok()) << who.status();
        if (who.ok() && who->identity().user() == "eva") ++answered;
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(answered, 12);
  }
  EXPECT_EQ(refreshes(), 5);
}

TEST_F(LogInTest, AnInterruptDoesNotLoseTheAnswerOfARenewal) {
  const auto client = NewClient();
  ASSERT_TRUE(client->Login("eva", kPassword).ok());
  daemon_.ForgetTokens();
  const auto hold = [this](bool held) {
    const std::lock_guard<std::mutex> lock(daemon_.state.mutex);
    daemon_.state.hold_refresh = held;
  };
  hold(true);
  std::thread user([&] { EXPECT_TRUE(absl::IsCancelled(client->WhoAmI().status())); });
  while (Count("RefreshToken") == 0) std::this_thread::yield();
  client->Cancel();
  hold(false);
  user.join();
  EXPECT_EQ(NewClient()->WhoAmI()->identity().user(), "eva");
  EXPECT_EQ(refreshes(), 1);
}

TEST_F(LogInTest, TheEndOfASessionMakesNobodySomebodyElse) {
  const auto client = NewClient();
  ASSERT_TRUE(client->Login("eva", kPassword).ok());
  {
    const std::lock_guard<std::mutex> lock(daemon_.state.mutex);
    daemon_.state.sessions.clear();
    daemon_.state.tokens.clear();
  }
  const auto status = client->WhoAmI().status();
  EXPECT_EQ(ReasonOf(status), "NOT_LOGGED_IN");
  EXPECT_THAT(std::string(status.message()), HasSubstr("`login eva`"));
  EXPECT_EQ(ReasonOf(NewClient()->WhoAmI().status()), "NOT_LOGGED_IN");
  EXPECT_EQ(Count("LoginPeer"), 0);
  ASSERT_TRUE(NewClient()->LoginPeer().ok());
  EXPECT_EQ(NewClient()->WhoAmI()->identity().user(), "admin");
  EXPECT_EQ(kept().refresh_token, "");
}

TEST_F(LogInTest, WhoMayBeCutOffNeverSpendsTheRefreshToken) {
  ASSERT_TRUE(NewClient()->Login("eva", kPassword).ok());
  daemon_.ForgetTokens();
  EXPECT_EQ(ReasonOf(NewClient({.may_refresh = false})->WhoAmI().status()), "NOT_LOGGED_IN");
  EXPECT_EQ(refreshes(), 0);
  EXPECT_TRUE(NewClient()->WhoAmI().ok());
}

TEST_F(LogInTest, ALogOutEndsASessionWhoseTokenHasExpired) {
  const auto client = NewClient();
  ASSERT_TRUE(client->Login("eva", kPassword).ok());
  daemon_.ForgetTokens();
  ASSERT_TRUE(client->Logout().ok());
  const std::lock_guard<std::mutex> lock(daemon_.state.mutex);
  EXPECT_TRUE(daemon_.state.sessions.empty());
}

TEST_F(LogInTest, WithoutAPlaceToKeepItALogInHoldsForTheProgram) {
  std::filesystem::create_directories(directory_.path() + "/file");
  ClientOptions options;
  options.state_directory = directory_.path() + "/no/such";
  std::filesystem::create_symlink("/proc/nowhere", directory_.path() + "/no");
  Client client(*ParseAddress(daemon_.address()), options);
  absl::Status not_kept;
  ASSERT_TRUE(client.Login("eva", kPassword, &not_kept).ok());
  EXPECT_FALSE(not_kept.ok());
  EXPECT_EQ(client.WhoAmI()->identity().user(), "eva");
}

TEST_F(LogInTest, ATokenOfTheEnvironmentGoesBeforeAll) {
  ASSERT_TRUE(NewClient()->LoginPeer().ok());
  const auto client = NewClient({.token = daemon_.AddToken("eva")});
  EXPECT_EQ(client->WhoAmI()->identity().user(), "eva");
  EXPECT_EQ(client->Login("eva", kPassword).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(client->Logout().code(), absl::StatusCode::kFailedPrecondition);
  daemon_.ForgetTokens();
  const auto status = client->WhoAmI().status();
  EXPECT_EQ(ReasonOf(status), "NOT_LOGGED_IN");
  EXPECT_THAT(std::string(status.message()), HasSubstr("GRPC_OS_TOKEN"));
  EXPECT_EQ(Count("LoginPeer"), 1);
}

TEST_F(LogInTest, ALogInOfAnotherSystemIsNeitherRenewedNorForgotten) {
  ASSERT_TRUE(NewClient()->Login("eva", kPassword).ok());
  const TokenFile::Content before = kept();
  daemon_.ForgetTokens();
  daemon_.state.is_another = true;
  const auto status = NewClient()->WhoAmI().status();
  EXPECT_EQ(ReasonOf(status), "TOKEN_OF_OTHER_SYSTEM");
  EXPECT_THAT(
      std::string(status.message()),
      AllOf(HasSubstr("another system"), HasSubstr("`login eva`"), HasSubstr(daemon_.address())));
  EXPECT_EQ(refreshes(), 0);
  EXPECT_EQ(Count("LoginPeer"), 0);
  EXPECT_EQ(kept(), before);
  ASSERT_TRUE(NewClient()->Login("eva", kPassword).ok());
  EXPECT_TRUE(NewClient()->WhoAmI().ok());
}

TEST_F(LogInTest, WhoWasAtTheSocketIsAtTheSocketOfAnotherSystemToo) {
  ASSERT_TRUE(NewClient()->WhoAmI().ok());
  daemon_.ForgetTokens();
  daemon_.state.is_another = true;
  EXPECT_EQ(NewClient()->WhoAmI()->identity().user(), "admin");
  EXPECT_EQ(Count("LoginPeer"), 2);
}

TEST_F(LogInTest, ATokenOfTheEnvironmentForAnotherSystemIsRefusedByThatWord) {
  daemon_.state.is_another = true;
  const auto status = NewClient({.token = "gost_elsewhere"})->WhoAmI().status();
  EXPECT_EQ(ReasonOf(status), "TOKEN_OF_OTHER_SYSTEM");
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("another system"), HasSubstr("GRPC_OS_TOKEN")));
}

TEST_F(LogInTest, ALogOutFromAnotherSystemForgetsTheLogIn) {
  const auto client = NewClient();
  ASSERT_TRUE(client->Login("eva", kPassword).ok());
  daemon_.ForgetTokens();
  daemon_.state.is_another = true;
  EXPECT_TRUE(client->Logout().ok());
  EXPECT_TRUE(kept().logged_out);
  EXPECT_EQ(refreshes(), 0);
}

TEST_F(LogInTest, WhereAUserIsMeantNothingLogsInAsThePeer) {
  const auto client = NewClient({.kept_as = "context:prod@here", .user = "eva"});
  const auto status = client->WhoAmI().status();
  EXPECT_EQ(ReasonOf(status), "NOT_LOGGED_IN");
  EXPECT_THAT(std::string(status.message()), HasSubstr("`login` logs in as eva"));
  ASSERT_TRUE(client->Login("eva", kPassword).ok());
  daemon_.ForgetTokens();
  EXPECT_TRUE(client->WhoAmI().ok());
  EXPECT_EQ(refreshes(), 1);
  EXPECT_EQ(Count("LoginPeer"), 0);
  EXPECT_EQ(kept(), TokenFile::Content{}) << "the address has a log-in of its own";
  EXPECT_EQ(NewClient()->WhoAmI()->identity().user(), "admin");
  EXPECT_EQ(client->WhoAmI()->identity().user(), "eva");
}

TEST_F(LogInTest, AMutationWhoseAnswerIsLostIsRepeatedWithItsId) {
  daemon_.AddProcess("web", v1::Process::STATE_STOPPED);
  daemon_.state.unavailable = 1;
  v1::StartProcessRequest request;
  request.set_name("web");
  const auto started = NewClient()->StartProcess(request);
  EXPECT_TRUE(started.ok()) << started.status();
  ASSERT_EQ(daemon_.state.request_ids.size(), 2U);
  EXPECT_FALSE(daemon_.state.request_ids[0].empty());
  EXPECT_EQ(daemon_.state.request_ids[0], daemon_.state.request_ids[1]);
  EXPECT_TRUE(NewClient()->StartProcess(request).ok());
  EXPECT_NE(daemon_.state.request_ids[1], daemon_.state.request_ids[2]);
}

TEST_F(LogInTest, ItIsRepeatedOnce) {
  daemon_.AddProcess("web", v1::Process::STATE_STOPPED);
  daemon_.state.unavailable = 10;
  v1::StartProcessRequest request;
  request.set_name("web");
  EXPECT_EQ(NewClient()->StartProcess(request).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(daemon_.state.request_ids.size(), 2U);
}

TEST_F(LogInTest, AMutationThatThereWasNoPlaceForComesAgain) {
  daemon_.AddProcess("web", v1::Process::STATE_STOPPED);
  const auto client = NewClient();
  ASSERT_TRUE(client->WhoAmI().ok());
  daemon_.state.busy = 1;
  v1::StartProcessRequest request;
  request.set_name("web");
  const auto started = client->StartProcess(request);
  EXPECT_TRUE(started.ok()) << started.status();
  EXPECT_EQ(daemon_.state.request_ids.size(), 1U) << "it was carried out once";
}

TEST_F(LogInTest, ButNotBeforeItIsTimeNorAfterALongOne) {
  daemon_.AddProcess("web", v1::Process::STATE_STOPPED);
  const auto client = NewClient();
  ASSERT_TRUE(client->WhoAmI().ok());
  daemon_.state.busy = 1;
  daemon_.state.busy_ms = 60'000;
  v1::StartProcessRequest request;
  request.set_name("web");
  EXPECT_EQ(ReasonOf(client->StartProcess(request).status()), "LIMIT_REACHED");
  EXPECT_EQ(daemon_.state.request_ids.size(), 0U);
}

TEST_F(LogInTest, AuditPagesAreJoinedUpToTheNumberWanted) {
  for (int i = 0; i < 25; ++i) daemon_.state.audit.emplace_back().set_id(100 - i);
  const auto some = NewClient()->ListAuditRecords({}, 7);
  ASSERT_EQ(some->records_size(), 7);
  EXPECT_EQ(some->records(6).id(), 94);
  EXPECT_EQ(NewClient()->ListAuditRecords({}, 1000)->records_size(), 25);
  EXPECT_EQ(NewClient()->ListAuditRecords({}, 0)->records_size(), 0);
}

TEST(TokenFileContentTest, KeepsARefreshTokenAndItsUser) {
  const TemporaryDirectory directory;
  const TokenFile file(directory.path(), "h:1");
  const TokenFile::Content content = {.token = "a.b.c", .refresh_token = "opaque", .user = "eva"};
  ASSERT_TRUE(file.Write(content).ok());
  EXPECT_EQ(*file.Read(), content);
  file.Remove();
  EXPECT_EQ(*file.Read(), TokenFile::Content{});
}

TEST(TokenFileContentTest, WhatItIsKeptAsMayBeLong) {
  const TemporaryDirectory directory;
  const std::string host(400, 'h');
  const TokenFile one(directory.path(), host + ":1");
  const TokenFile two(directory.path(), host + ":2");
  ASSERT_TRUE(one.Lock(std::chrono::milliseconds(0)).ok());
  ASSERT_TRUE(one.Write({.token = "a"}).ok());
  EXPECT_EQ(one.Read()->token, "a");
  EXPECT_EQ(two.Read()->token, "");
}

TEST(TokenFileContentTest, OneHolderOfTheLockAtATime) {
  const TemporaryDirectory directory;
  const TokenFile file(directory.path() + "/state", "h:1");
  auto first = file.Lock(std::chrono::milliseconds(0));
  ASSERT_TRUE(first.ok()) << first.status();
  const auto second = file.Lock(std::chrono::milliseconds(0));
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(second.status().message()), HasSubstr(".lock"));
  first->Reset();
  EXPECT_TRUE(file.Lock(std::chrono::milliseconds(0)).ok());
}

}  // namespace
}  // namespace grpc_os::client
