// Many threads at once; for ThreadSanitizer, and for what must be true at the end.
#include <atomic>
#include <functional>
#include <future>
#include <thread>
#include <utility>

#include "core/identity/identity_harness.h"

namespace grpc_os::core {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class IdentityThreadsTest : public IdentityTest {};

TEST_F(IdentityThreadsTest, CallsAndChangesAtTheSameTimeAgreeAtTheEnd) {
  constexpr int kRounds = 300;
  ASSERT_TRUE(Create("bob", {"admin"}).ok());
  const auto reader = LogIn("ada");
  const auto token = MakeToken(reader->caller);
  std::atomic<bool> done{false};
  std::atomic<int> refused{0};
  const auto read = [&] {
    while (!done) {
      for (const std::string& one : {reader->access_token, token->token})
        refused += !identity_->Authenticate(one).ok();
      refused += identity_->Current(reader->caller.session_id) == nullptr;
      (void)identity_->ListSessions("");
      (void)identity_->ListUsers("", 10);
    }
  };
  const auto change = [&](const std::string& role) {
    for (int i = 0; i < kRounds; ++i) {
      identity_->GrantRole("ada", role, "", From("a"),
                           [](const UserResult& user) { EXPECT_TRUE(user.ok()) << user.status(); });
      if (i + 1 == kRounds) break;
      identity_->RevokeRole("ada", role, "", From("a"), [](const UserResult& user) {
        EXPECT_TRUE(user.ok()) << user.status();
      });
    }
  };
  // The answer may come on the thread of another call, whose turn it is to hand things over.
  const auto answer = [](const std::function<void(Identity::LoginDone)>& ask) {
    std::promise<LoginResult> answered;
    ask([&](LoginResult result) { answered.set_value(std::move(result)); });
    return answered.get_future().get();
  };
  const auto log_in_and_out = [&] {
    for (int i = 0; i < kRounds; ++i) {
      const auto login = answer([&](Identity::LoginDone done_with) {
        identity_->LoginPassword("bob", kPassword, -1, From("a"), std::move(done_with));
      });
      ASSERT_TRUE(login.ok()) << login.status();
      const auto next = answer([&](Identity::LoginDone done_with) {
        identity_->Refresh(login->refresh_token, From("a"), std::move(done_with));
      });
      EXPECT_TRUE(next.ok()) << next.status();
      if (i % 2 == 0) identity_->Logout(login->caller, From("a"), [](const absl::Status&) {});
    }
  };
  std::thread readers[] = {std::thread(read), std::thread(read)};
  std::thread changers[] = {std::thread([&] { change("viewer"); }),
                            std::thread([&] { change("admin"); }), std::thread(log_in_and_out)};
  for (std::thread& thread : changers) thread.join();
  done = true;
  for (std::thread& thread : readers) thread.join();
  EXPECT_EQ(refused, 0) << "roles come and go, the session stays";
  EXPECT_THAT(RolesOf(reader->access_token), ElementsAre("admin", "operator", "viewer"));
  EXPECT_EQ(store_.users.at("ada"), *identity_->FindUser("ada"));
  const auto before = Sessions().size();
  EXPECT_EQ(store_.sessions.size(), before);
  Start();
  EXPECT_EQ(Sessions().size(), before) << "what is kept is what was in force";
  EXPECT_THAT(identity_->ListSessions("nobody"), IsEmpty());
}

}  // namespace
}  // namespace grpc_os::core
