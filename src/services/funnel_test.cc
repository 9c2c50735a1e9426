// When a call is in reach of those who may end it.
#include "services/funnel.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error_detail.h"
#include "base/limits.h"
#include "grpc_os/v1/auth_services.pb.h"
#include "services/call_harness.h"

namespace grpc_os::services {
namespace {

constexpr char kMethod[] = "grpc_os.v1.AuthService/LoginPeer";  // without a log-in
using LoginCall = UnaryCall<v1::LoginResponse>;

class FunnelTest : public ::testing::Test {
 protected:
  ~FunnelTest() override { client_.Leave(); }

  template <typename Handler>
  void Call(Handler handler) {
    client_.Connect(funnel_.Unary(&context_, kMethod, &response_, handler));
  }
  void PassTheDeadline() { world_.clock.Advance(limits::kUnaryDeadlineDefaultMs + 1); }

  CallWorld world_;
  Funnel funnel_{world_.environment};
  grpc::CallbackServerContext context_;
  v1::LoginResponse response_;
  UnaryClient client_;
};

TEST_F(FunnelTest, WhileItsHandlerRunsNobodyEndsIt) {
  Call([this](const std::shared_ptr<LoginCall>& call) {
    PassTheDeadline();
    world_.environment.Tick();
    v1::LoginResponse response;
    response.set_access_token("the handler's");
    call->Answer(response);
  });
  EXPECT_EQ(client_.ended, grpc::StatusCode::OK);
  EXPECT_EQ(response_.access_token(), "the handler's");
}

TEST_F(FunnelTest, OnceItsHandlerHasBegunWithItItsDeadlineEndsIt) {
  Call([](const std::shared_ptr<LoginCall>&) {});
  world_.environment.Tick();
  EXPECT_FALSE(client_.ended.has_value());
  PassTheDeadline();
  world_.environment.Tick();
  EXPECT_EQ(client_.ended, grpc::StatusCode::DEADLINE_EXCEEDED);
}

TEST_F(FunnelTest, AShutDownWhileItsHandlerRunsEndsItAfterwards) {
  std::shared_ptr<LoginCall> kept;
  Call([&](const std::shared_ptr<LoginCall>& call) {
    kept = call;
    world_.environment.ShutDown();
  });
  EXPECT_EQ(client_.ended, grpc::StatusCode::UNAVAILABLE);
  kept->Answer(v1::LoginResponse());  // too late
  EXPECT_EQ(client_.ended, grpc::StatusCode::UNAVAILABLE);
}

TEST_F(FunnelTest, ACallThatWasCancelledGivesItsPlaceBackAtOnceAndIsHeardOf) {
  std::shared_ptr<LoginCall> kept;  // by who waits for the world on its behalf
  bool heard = false;
  Call([&](const std::shared_ptr<LoginCall>& call) {
    kept = call;
    call->WhenEnded([&heard] { heard = true; });
  });
  EXPECT_EQ(world_.environment.admission.calls(), 1);
  client_.Cancel();
  EXPECT_EQ(world_.environment.admission.calls(), 0);
  EXPECT_TRUE(heard);
}

TEST_F(FunnelTest, ACallWhoseDeadlinePassedGivesItsPlaceBackAtOnce) {
  std::shared_ptr<LoginCall> kept;
  Call([&](const std::shared_ptr<LoginCall>& call) { kept = call; });
  PassTheDeadline();
  world_.environment.Tick();
  EXPECT_EQ(world_.environment.admission.calls(), 0);
}

// Its client may be gone, and the call with it, before the thread of its handler is back.
TEST_F(FunnelTest, ACallThatWasRemovedIsNotAddedAnyMore) {
  const auto call = std::make_shared<LoginCall>(
      world_.environment, world_.environment.methods.Get(kMethod), &response_);
  client_.Connect(call->Open());
  ASSERT_TRUE(call->Admit("", INT64_MAX).ok());
  world_.environment.Remove(call.get());
  world_.environment.Add(call.get());
  PassTheDeadline();
  world_.environment.Tick();
  EXPECT_FALSE(client_.ended.has_value());
}

class UidOfPort final : public core::LoopbackPeers {
 public:
  std::optional<int64_t> UidOf(const std::string&, int port) const override { return port / 1000; }
};

TEST(Funnel, AnotherAccountOfThisMachineTakesNoPlacesOfALogIn) {
  CallWorld world;
  v1::LoginResponse response;
  const UidOfPort loopback;
  CallEnvironment environment{{world.identity, world.audit, world.requests, world.digest,
                               world.logger, world.clock, &loopback},
                              MethodTable::BuildApi().value()};
  std::vector<std::shared_ptr<LoginCall>> calls;
  const auto admit = [&](int port) {
    calls.push_back(
        std::make_shared<LoginCall>(environment, environment.methods.Get(kMethod), &response));
    calls.back()->set_peer(absl::StrCat("ipv4:127.0.0.1:", port));
    return calls.back()->Admit("", INT64_MAX);
  };
  absl::Status refused;
  for (int i = 0; i < 100 && refused.ok(); ++i) refused = admit(1001);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(DetailOf(refused)->metadata.at("source"), "127.0.0.1 uid 1");
  EXPECT_TRUE(admit(2001).ok());
}

}  // namespace
}  // namespace grpc_os::services
