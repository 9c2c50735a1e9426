// Which handler a call is given, and when it is in reach of those who may end it.
#include "services/handlers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error_detail.h"
#include "base/limits.h"
#include "grpc_os/v1/auth_services.pb.h"
#include "grpc_os/v1/event_services.pb.h"
#include "grpc_os/v1/filesystem_services.pb.h"
#include "services/call_harness.h"

namespace grpc_os::services {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using LoginCall = UnaryCall<v1::LoginResponse>;

const MethodInfo& MethodOf(const CallEnvironment& environment,
                           const google::protobuf::Descriptor* request) {
  return *environment.methods.Find(request);
}

// Calls a method that needs no log-in.
class HandlersTest : public ::testing::Test {
 protected:
  ~HandlersTest() override { client_.Leave(); }

  template <typename Handler>
  void Call(Handler handler, const Arrival& arrival = {}) {
    handlers_.Unary<v1::LoginPeerRequest, v1::LoginResponse>(
        [handler](const auto& call, const v1::LoginPeerRequest&) { handler(call); });
    handlers_.Begin(MethodOf(world_.environment, v1::LoginPeerRequest::descriptor()), arrival,
                    client_);
  }
  void PassTheDeadline() { world_.clock.Advance(limits::kUnaryDeadlineDefaultMs + 1); }

  CallWorld world_;
  Handlers handlers_{world_.environment};
  Client<v1::LoginResponse> client_;
};

TEST_F(HandlersTest, WhileItsHandlerRunsNobodyEndsIt) {
  Call([this](const std::shared_ptr<LoginCall>& call) {
    PassTheDeadline();
    world_.environment.Tick();
    v1::LoginResponse response;
    response.set_access_token("the handler's");
    call->Answer(response);
  });
  EXPECT_EQ(client_.ended, absl::StatusCode::kOk);
  ASSERT_EQ(client_.received.size(), 1u);
  EXPECT_EQ(client_.received[0].access_token(), "the handler's");
}

TEST_F(HandlersTest, OnceItsHandlerHasBegunWithItItsDeadlineEndsIt) {
  Call([](const std::shared_ptr<LoginCall>&) {});
  world_.environment.Tick();
  EXPECT_FALSE(client_.ended.has_value());
  PassTheDeadline();
  world_.environment.Tick();
  EXPECT_EQ(client_.ended, absl::StatusCode::kDeadlineExceeded);
}

TEST_F(HandlersTest, AShutDownWhileItsHandlerRunsEndsItAfterwards) {
  std::shared_ptr<LoginCall> kept;
  Call([&](const std::shared_ptr<LoginCall>& call) {
    kept = call;
    world_.environment.ShutDown();
  });
  EXPECT_EQ(client_.ended, absl::StatusCode::kUnavailable);
  kept->Answer(v1::LoginResponse());  // too late
  EXPECT_EQ(client_.ended, absl::StatusCode::kUnavailable);
  EXPECT_TRUE(client_.received.empty());
}

TEST_F(HandlersTest, ACallThatWasCancelledGivesItsPlaceBackAtOnceAndIsHeardOf) {
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

TEST_F(HandlersTest, ACallWhoseDeadlinePassedGivesItsPlaceBackAtOnce) {
  std::shared_ptr<LoginCall> kept;
  Call([&](const std::shared_ptr<LoginCall>& call) { kept = call; });
  PassTheDeadline();
  world_.environment.Tick();
  EXPECT_EQ(world_.environment.admission.calls(), 0);
}

TEST_F(HandlersTest, WhatComesThroughTheEdgeIsOfItsClientFromTheBeginning) {
  Call(
      [](const std::shared_ptr<LoginCall>& call) {
        EXPECT_EQ(call->local_uid(), -1);
        EXPECT_FALSE(call->local());
        EXPECT_EQ(call->source(), "10.0.0.7");
        EXPECT_EQ(call->MakeOrigin("").record.source, "10.0.0.7");
      },
      {.local = true, .peer_uid = 7, .edge_secret = "5ec4e7", .forwarded_for = "10.0.0.7"});
  EXPECT_FALSE(client_.ended.has_value());
}

// Its client may be gone, and the call with it, before the thread of its handler is back.
TEST_F(HandlersTest, ACallThatWasRemovedIsNotAddedAnyMore) {
  const auto call = std::make_shared<LoginCall>(
      world_.environment, MethodOf(world_.environment, v1::LoginPeerRequest::descriptor()),
      Arrival{}, client_);
  client_.Open(call);
  ASSERT_TRUE(call->Admit({}).ok());
  world_.environment.Remove(call.get());
  world_.environment.Add(call.get());
  PassTheDeadline();
  world_.environment.Tick();
  EXPECT_FALSE(client_.ended.has_value());
}

TEST_F(HandlersTest, ARequestThatIsNoneIsRefusedWithItsType) {
  client_.request = "\xff\xff\xff";
  Call([](const std::shared_ptr<LoginCall>&) { ADD_FAILURE() << "it is not handled"; });
  EXPECT_EQ(client_.ended, absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(client_.said, AllOf(HasSubstr("request"), HasSubstr("grpc_os.v1.LoginPeerRequest")));
}

// Of nobody who may not call a method as much as a byte is read.
TEST(Handlers, WhoeverIsNotLoggedInIsRefusedBeforeTheirRequestIsRead) {
  CallWorld world;
  Handlers handlers(world.environment);
  handlers.Unary<v1::GetUserRequest, v1::User>(
      [](const auto&, const v1::GetUserRequest&) { ADD_FAILURE() << "it is not handled"; });
  Client<v1::User> client;
  client.request = "\xff\xff\xff";
  handlers.Begin(MethodOf(world.environment, v1::GetUserRequest::descriptor()), {}, client);
  EXPECT_EQ(client.ended, absl::StatusCode::kUnauthenticated);
  client.Leave();
}

TEST(Handlers, ACallHasTheRequestIdThatItBringsIfThatCanBeOne) {
  CallWorld world;
  const MethodInfo& method = MethodOf(world.environment, v1::LoginPeerRequest::descriptor());
  Client<v1::LoginResponse> client;
  const auto id_of = [&](std::string_view brought) {
    return LoginCall(world.environment, method, {.request_id = brought}, client).request_id();
  };
  EXPECT_EQ(id_of("mine-1"), "mine-1");
  EXPECT_EQ(id_of(std::string(128, 'x')), std::string(128, 'x'));
  for (const std::string& wrong : {std::string(), std::string("a b"), std::string(129, 'x')}) {
    EXPECT_EQ(id_of(wrong).size(), 32u);
    EXPECT_NE(id_of(wrong), id_of(wrong));
  }
}

TEST(Handlers, AnotherAccountOfThisMachineTakesNoPlacesOfALogIn) {
  CallWorld world;
  Client<v1::LoginResponse> client;
  std::vector<std::shared_ptr<LoginCall>> calls;
  const auto admit = [&](int64_t uid, bool local = false) {
    const Arrival arrival = {.local = local, .peer_uid = uid, .address = local ? "" : "127.0.0.1"};
    calls.push_back(std::make_shared<LoginCall>(
        world.environment, MethodOf(world.environment, v1::LoginPeerRequest::descriptor()), arrival,
        client));
    return calls.back()->Admit(arrival);
  };
  absl::Status refused;
  for (int i = 0; i < 100 && refused.ok(); ++i) refused = admit(1);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(DetailOf(refused)->metadata.at("source"), "127.0.0.1 uid 1");
  EXPECT_TRUE(admit(2).ok());
  for (refused = {}; refused.ok();) refused = admit(1, /*local=*/true);
  EXPECT_EQ(DetailOf(refused)->metadata.at("source"), "uid 1");
  EXPECT_TRUE(admit(2, /*local=*/true).ok());
}

// ---- What stops the start -----------------------------------------------------------------------

const auto kNothing = [](const auto&...) {};

TEST(HandlersCheck, AMethodWithoutAHandlerIsNamed) {
  CallWorld world;
  Handlers handlers(world.environment);
  handlers.Unary<v1::GetRoleRequest, v1::Role>(kNothing);
  const absl::Status status = handlers.Check();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("no handler for grpc_os.v1.AuthService/GetUser"),
                    HasSubstr("no handler for grpc_os.v1.EventService/Watch"),
                    Not(HasSubstr("grpc_os.v1.AuthService/GetRole"))));
}

TEST(HandlersCheck, AHandlerWithoutAMethodIsNamed) {
  CallWorld world;
  Handlers handlers(world.environment);
  handlers.Unary<v1::Role, v1::Role>(kNothing);
  EXPECT_THAT(std::string(handlers.Check().message()),
              HasSubstr("no method takes a grpc_os.v1.Role;"));
}

TEST(HandlersCheck, TwoHandlersForAMethodAreNamed) {
  CallWorld world;
  Handlers handlers(world.environment);
  handlers.Unary<v1::GetRoleRequest, v1::Role>(kNothing);
  handlers.Unary<v1::GetRoleRequest, v1::Role>(kNothing);
  EXPECT_THAT(std::string(handlers.Check().message()),
              HasSubstr("two handlers for grpc_os.v1.AuthService/GetRole;"));
}

TEST(HandlersCheck, AHandlerThatIsMadeForSomethingElseIsNamed) {
  CallWorld world;
  Handlers handlers(world.environment);
  handlers.Unary<v1::GetRoleRequest, v1::User>(kNothing);
  handlers.Stream<v1::GetUserRequest, v1::User>(kNothing);
  handlers.Unary<v1::WatchRequest, v1::WatchResponse>(kNothing);
  handlers.Unary<v1::WriteUploadRequest, v1::Upload>(kNothing);
  EXPECT_THAT(std::string(handlers.Check().message()),
              AllOf(HasSubstr("the handler of grpc_os.v1.AuthService/GetRole is made for "
                              "(grpc_os.v1.GetRoleRequest) returns (grpc_os.v1.User)"),
                    HasSubstr("(grpc_os.v1.GetUserRequest) returns (stream grpc_os.v1.User)"),
                    HasSubstr("(grpc_os.v1.WatchRequest) returns (grpc_os.v1.WatchResponse)"),
                    HasSubstr("(grpc_os.v1.WriteUploadRequest) returns (grpc_os.v1.Upload)")));
}

}  // namespace
}  // namespace grpc_os::services
