#include "core/identity/identity_harness.h"

namespace grpc_os::core {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kNewPassword[] = "another password";

class UserChangesTest : public IdentityTest {};

TEST_F(UserChangesTest, AUserIsMadeWithItsEventAndRecord) {
  ASSERT_TRUE(Create("bob", {"viewer", "operator", "viewer"}).ok());
  const auto bob = identity_->FindUser("bob");
  ASSERT_TRUE(bob.has_value());
  EXPECT_THAT(bob->roles, ElementsAre("operator", "viewer"));
  EXPECT_EQ(bob->password_hash, std::string("hash:") + kPassword);
  EXPECT_EQ(store_.users.at("bob"), *bob);
  ASSERT_THAT(store_.events, SizeIs(1));
  EXPECT_EQ(store_.events[0].kind, "user");
  EXPECT_EQ(store_.events[0].resource_id, "bob");
  EXPECT_EQ(store_.events[0].action, "created");
  EXPECT_THAT(store_.audit, SizeIs(1));
}

TEST_F(UserChangesTest, AnEventTellsWhatChanged) {
  ASSERT_TRUE(Grant("ada", "viewer").ok());
  ASSERT_TRUE(Revoke("ada", "viewer").ok());
  ASSERT_TRUE(Disable("ada").ok());
  ASSERT_TRUE(Disable("ada", false).ok());
  ASSERT_TRUE(SetPassword(LogInPeer(0)->caller, "ada", kNewPassword).ok());
  ASSERT_TRUE(Delete("ada").ok());
  std::vector<std::string> told;
  for (const Event& event : store_.events) {
    const auto change = event.attributes.find("change");
    told.push_back(event.action + (change == event.attributes.end() ? "" : " " + change->second));
  }
  EXPECT_THAT(told, ElementsAre("updated role_granted", "updated role_revoked", "updated disabled",
                                "updated enabled", "updated password", "deleted"));
}

TEST_F(UserChangesTest, RefusalsNameTheirReasonAndChangeNothing) {
  const auto users = store_.users;
  EXPECT_EQ(ReasonOf(Create("ada", {"viewer"})), "USER_EXISTS");
  EXPECT_EQ(ReasonOf(Create("bob", {"king"})), "ROLE_NOT_FOUND");
  EXPECT_EQ(ReasonOf(Delete("nobody")), "USER_NOT_FOUND");
  EXPECT_EQ(ReasonOf(Disable("nobody").status()), "USER_NOT_FOUND");
  EXPECT_EQ(ReasonOf(Grant("nobody", "viewer").status()), "USER_NOT_FOUND");
  EXPECT_EQ(ReasonOf(Grant("ada", "king").status()), "ROLE_NOT_FOUND");
  EXPECT_EQ(ReasonOf(Revoke("ada", "king").status()), "ROLE_NOT_FOUND");
  EXPECT_EQ(ReasonOf(SetPassword(LogInPeer(0)->caller, "nobody", kNewPassword).status()),
            "USER_NOT_FOUND");
  EXPECT_EQ(store_.users, users);
  EXPECT_THAT(store_.events, IsEmpty());
}

TEST_F(UserChangesTest, AdminCannotLoseWhatLocalLogInNeeds) {
  ASSERT_TRUE(Grant("ada", "admin").ok());
  const User before = *identity_->FindUser(kAdminUser);
  EXPECT_EQ(ReasonOf(Delete(kAdminUser)), "LAST_ADMIN");
  EXPECT_EQ(ReasonOf(Disable(kAdminUser).status()), "LAST_ADMIN");
  EXPECT_EQ(ReasonOf(Revoke(kAdminUser, "admin").status()), "LAST_ADMIN");
  EXPECT_EQ(*identity_->FindUser(kAdminUser), before);
  EXPECT_TRUE(Revoke("ada", "admin").ok()) << "another one may";
}

TEST_F(UserChangesTest, AnEtagOfTheTimeBeforeIsRefused) {
  const std::string old = Identity::EtagOf(*identity_->FindUser("ada"));
  ASSERT_TRUE(Grant("ada", "viewer", old).ok());
  EXPECT_EQ(ReasonOf(Revoke("ada", "viewer", old).status()), "ETAG_MISMATCH");
  EXPECT_EQ(ReasonOf(Disable("ada", true, old).status()), "ETAG_MISMATCH");
  EXPECT_EQ(ReasonOf(Delete("ada", old)), "ETAG_MISMATCH");
  const std::string now = Identity::EtagOf(*identity_->FindUser("ada"));
  EXPECT_TRUE(Delete("ada", now).ok());
  clock_.now_ms += 1;
  ASSERT_TRUE(Create("ada", {"operator"}).ok());
  EXPECT_NE(Identity::EtagOf(*identity_->FindUser("ada")), old);
}

TEST_F(UserChangesTest, WhatIsSoAlreadyLeavesARecordAndNoEvent) {
  const User before = *identity_->FindUser("ada");
  EXPECT_EQ(*Grant("ada", "operator"), before);
  EXPECT_EQ(*Revoke("ada", "viewer"), before);
  EXPECT_EQ(*Disable("ada", false), before);
  EXPECT_THAT(store_.audit, SizeIs(3));
  EXPECT_THAT(store_.events, IsEmpty());
}

TEST_F(UserChangesTest, ChangesAtTheSameTimeLoseNothing) {
  store_.hold = true;
  UserResult viewer = none_, admin = none_, revoked = none_, disabled = none_;
  identity_->GrantRole("ada", "viewer", "", From("a"), Into(viewer));
  identity_->GrantRole("ada", "admin", "", From("b"), Into(admin));
  identity_->RevokeRole("ada", "operator", "", From("c"), Into(revoked));
  identity_->SetDisabled("ada", "", true, From("d"), Into(disabled));
  store_.ReleaseAll();
  ASSERT_TRUE(viewer.ok() && admin.ok() && revoked.ok() && disabled.ok());
  EXPECT_THAT(store_.users.at("ada").roles, ElementsAre("admin", "viewer"));
  EXPECT_TRUE(store_.users.at("ada").disabled);
  EXPECT_EQ(store_.users.at("ada"), *identity_->FindUser("ada"));
  EXPECT_EQ(store_.users.at("ada").change_number, 5);
}

TEST_F(UserChangesTest, OneThatFailsDoesNotStopTheNext) {
  store_.hold = true;
  UserResult lost = none_, refused = none_, made = none_;
  identity_->GrantRole("ada", "viewer", "", From("a"), Into(lost));
  identity_->GrantRole("nobody", "viewer", "", From("b"), Into(refused));
  identity_->GrantRole("ada", "admin", "", From("c"), Into(made));
  store_.failure = absl::UnavailableError("disk full");
  store_.Release();
  store_.failure = absl::OkStatus();
  store_.ReleaseAll();
  EXPECT_EQ(ReasonOf(lost.status()), "STORE_UNAVAILABLE");
  EXPECT_EQ(ReasonOf(refused.status()), "USER_NOT_FOUND");
  ASSERT_TRUE(made.ok());
  EXPECT_THAT(made->roles, ElementsAre("admin", "operator"));
}

TEST_F(UserChangesTest, OfTwoWithOneEtagOneIsRefused) {
  const std::string etag = Identity::EtagOf(*identity_->FindUser("ada"));
  store_.hold = true;
  UserResult one = none_, two = none_;
  identity_->GrantRole("ada", "viewer", etag, From("a"), Into(one));
  identity_->GrantRole("ada", "admin", etag, From("b"), Into(two));
  store_.ReleaseAll();
  EXPECT_TRUE(one.ok());
  EXPECT_EQ(ReasonOf(two.status()), "ETAG_MISMATCH");
}

TEST_F(UserChangesTest, TenThousandRefusalsInARowNeedNoStack) {
  store_.hold = true;
  UserResult first = none_;
  identity_->GrantRole("ada", "viewer", "", From("a"), Into(first));
  int refused = 0;
  for (int i = 0; i < 10'000; ++i)
    identity_->GrantRole("nobody", "viewer", "", From("b"), [&](const UserResult&) { ++refused; });
  EXPECT_EQ(refused, 0);
  store_.ReleaseAll();
  EXPECT_EQ(refused, 10'000);
}

TEST_F(UserChangesTest, OnesOwnPasswordNeedsTheOldOneAfterALogInByPassword) {
  const auto login = LogIn("ada");
  EXPECT_EQ(ReasonOf(SetPassword(login->caller, "", kNewPassword, "wrong").status()),
            "LOGIN_FAILED");
  EXPECT_EQ(ReasonOf(SetPassword(login->caller, "ada", kNewPassword, "").status()), "LOGIN_FAILED");
  EXPECT_EQ(ReasonOf(SetPassword(login->caller, "admin", kNewPassword, kPassword).status()),
            "PERMISSION_MISSING");
  ASSERT_TRUE(SetPassword(login->caller, "", kNewPassword, kPassword).ok());
  EXPECT_EQ(ReasonOf(LogIn("ada", kPassword).status()), "LOGIN_FAILED");
  EXPECT_TRUE(LogIn("ada", kNewPassword).ok());
}

TEST_F(UserChangesTest, ANewPasswordEndsAllSessionsButTheCallersOwn) {
  const auto own = LogIn("ada");
  const auto other = LogIn("ada");
  const auto token = MakeToken(other->caller);
  ASSERT_TRUE(SetPassword(own->caller, "", kNewPassword, kPassword).ok());
  for (const bool restarted : {false, true}) {
    if (restarted) Start();
    EXPECT_EQ(Check(own->access_token), "OK") << restarted;
    EXPECT_EQ(Check(other->access_token), "TOKEN_INVALID") << restarted;
    EXPECT_EQ(Check(token->token), "TOKEN_INVALID") << restarted;
  }
  EXPECT_TRUE(Refresh(own->refresh_token).ok());
}

TEST_F(UserChangesTest, ARefreshBesideANewPasswordKeepsTheSession) {
  const auto own = LogIn("ada");
  store_.hold = true;
  UserResult set = none_;
  identity_->SetPassword(own->caller, "", kNewPassword, kPassword, From("10.0.0.1"), Into(set));
  const auto refresh = BeginRefresh(own->refresh_token);
  store_.ReleaseAll();
  ASSERT_TRUE(set.ok());
  ASSERT_TRUE(refresh->result->ok());
  Start();
  EXPECT_EQ(Check((*refresh->result)->access_token), "OK");
  EXPECT_EQ(store_.sessions.at(own->caller.session_id).refresh_number, 1);
}

TEST_F(UserChangesTest, GuessingTheOldPasswordIsThrottled) {
  const auto login = LogIn("ada");
  for (int i = 0; i < 6; ++i)
    EXPECT_EQ(ReasonOf(SetPassword(login->caller, "", kNewPassword, "wrong").status()),
              "LOGIN_FAILED");
  const int before = hasher_.verified;
  EXPECT_EQ(ReasonOf(SetPassword(login->caller, "", kNewPassword, kPassword).status()),
            "LOGIN_THROTTLED");
  EXPECT_EQ(hasher_.verified, before);
}

TEST_F(UserChangesTest, ASessionThatEndsDuringTheHashingSetsNoPassword) {
  const auto login = LogIn("ada");
  const auto peer = LogInPeer(0);
  hasher_.hold = true;
  UserResult set = none_;
  identity_->SetPassword(login->caller, "", kNewPassword, kPassword, From("10.0.0.1"), Into(set));
  hasher_.Release();
  ASSERT_TRUE(End(peer->caller, login->caller.session_id).ok());
  hasher_.Release();
  EXPECT_EQ(ReasonOf(set.status()), "TOKEN_INVALID");
  EXPECT_EQ(store_.users.at("ada").password_hash, std::string("hash:") + kPassword);
}

TEST_F(UserChangesTest, AnAdminWhoLostTheRoleDuringTheHashingSetsNoPassword) {
  ASSERT_TRUE(Grant("ada", "admin").ok());
  const auto login = LogIn("ada");
  hasher_.hold = true;
  UserResult set = none_;
  identity_->SetPassword(login->caller, kAdminUser, kNewPassword, "", From("10.0.0.1"), Into(set));
  ASSERT_TRUE(Revoke("ada", "admin").ok());
  hasher_.Release();
  EXPECT_EQ(ReasonOf(set.status()), "PERMISSION_MISSING");
}

TEST_F(UserChangesTest, AUserMadeAgainIsNotTheOneBefore) {
  const auto login = LogIn("ada");
  const auto token = MakeToken(login->caller);
  ASSERT_TRUE(Delete("ada").ok());
  ASSERT_TRUE(Create("ada", {"operator"}).ok());
  for (const bool restarted : {false, true}) {
    if (restarted) Start();
    EXPECT_EQ(Check(login->access_token), "TOKEN_INVALID") << restarted;
    EXPECT_EQ(Check(token->token), "TOKEN_INVALID") << restarted;
    EXPECT_EQ(ReasonOf(Refresh(login->refresh_token).status()), "TOKEN_INVALID") << restarted;
  }
}

TEST_F(UserChangesTest, TheRequestIsWrittenWithTheChange) {
  Origin origin = From("unix");
  origin.request = CommittedRequest{{"admin", "a method", "id"}, "d", "", 0};
  UserResult out = none_;
  identity_->GrantRole("ada", "viewer", "", origin, Into(out));
  ASSERT_TRUE(out.ok());
  EXPECT_TRUE(origin.written->load());
  ASSERT_THAT(store_.requests, SizeIs(1));
  EXPECT_EQ(store_.requests[0].subject, "ada");
  Origin refused = From("unix");
  identity_->GrantRole("nobody", "viewer", "", refused, Into(out));
  EXPECT_FALSE(refused.written->load());
}

TEST_F(UserChangesTest, UsersAreListedInTheOrderOfNames) {
  for (const char* name : {"zoe", "bob", "eve"}) ASSERT_TRUE(Create(name, {}).ok());
  const auto names = [](const std::vector<User>& users) {
    std::vector<std::string> all;
    for (const User& user : users) all.push_back(user.name);
    return all;
  };
  EXPECT_THAT(names(identity_->ListUsers("", 3)), ElementsAre("ada", "admin", "bob"));
  EXPECT_THAT(names(identity_->ListUsers("bob", 3)), ElementsAre("eve", "zoe"));
}

// Changes that somebody asked for who may no longer ask for them when their turn comes.
class LateChangeTest : public IdentityTest {
 protected:
  void SetUp() override {
    IdentityTest::SetUp();
    ASSERT_TRUE(Create("eve", {"admin"}).ok());
    eve_ = LogIn("eve")->caller;
  }
  Origin FromEve() const {
    Origin origin = From("10.0.0.1");
    origin.record.session_id = eve_.session_id;
    return origin;
  }
  Caller eve_;
};

TEST_F(LateChangeTest, WaitedForAHashWhileItsAdminWasDisabled) {
  hasher_.hold = true;
  UserResult made = none_;
  identity_->CreateUser("bob", {"admin"}, kPassword, FromEve(), Into(made));
  ASSERT_TRUE(Disable("eve").ok());
  hasher_.Release();
  EXPECT_EQ(ReasonOf(made.status()), "TOKEN_INVALID");
  EXPECT_FALSE(store_.users.contains("bob"));
}

TEST_F(LateChangeTest, StoodBehindTheChangeThatDisabledItsAdmin) {
  store_.hold = true;
  UserResult disabled = none_, granted = none_;
  absl::Status removed = none_;
  identity_->SetDisabled("eve", "", true, From("unix"), Into(disabled));
  identity_->GrantRole("ada", "admin", "", FromEve(), Into(granted));
  identity_->DeleteUser("ada", "", FromEve(), Into(removed));
  store_.ReleaseAll();
  ASSERT_TRUE(disabled.ok());
  EXPECT_EQ(ReasonOf(granted.status()), "TOKEN_INVALID");
  EXPECT_EQ(ReasonOf(removed), "TOKEN_INVALID");
  EXPECT_THAT(store_.users.at("ada").roles, ElementsAre("operator"));
}

TEST_F(LateChangeTest, StoodBehindTheChangeThatTookTheRole) {
  store_.hold = true;
  UserResult revoked = none_, disabled = none_, granted = none_;
  identity_->RevokeRole("eve", "admin", "", From("unix"), Into(revoked));
  identity_->SetDisabled("ada", "", true, FromEve(), Into(disabled));
  identity_->GrantRole("eve", "admin", "", FromEve(), Into(granted));
  store_.ReleaseAll();
  ASSERT_TRUE(revoked.ok());
  EXPECT_EQ(ReasonOf(disabled.status()), "PERMISSION_MISSING");
  EXPECT_EQ(ReasonOf(granted.status()), "PERMISSION_MISSING");
  EXPECT_FALSE(store_.users.at("ada").disabled);
}

TEST_F(LateChangeTest, CameBehindTheEndOfItsSession) {
  store_.hold = true;
  absl::Status ended = none_;
  UserResult granted = none_;
  identity_->Logout(eve_, From("unix"), Into(ended));
  identity_->GrantRole("ada", "admin", "", FromEve(), Into(granted));
  store_.ReleaseAll();
  ASSERT_TRUE(ended.ok());
  EXPECT_EQ(ReasonOf(granted.status()), "TOKEN_INVALID");
  EXPECT_THAT(store_.users.at("ada").roles, ElementsAre("operator"));
}

TEST_F(LateChangeTest, IsRefusedWithoutASession) {
  UserResult granted = none_;
  identity_->GrantRole("ada", "admin", "", Origin(), Into(granted));
  EXPECT_EQ(ReasonOf(granted.status()), "TOKEN_INVALID");
}

TEST_F(LateChangeTest, ATokenThatLostItsRightsSetsNoPassword) {
  const auto token = MakeToken(eve_);
  const Caller caller = **identity_->Authenticate(token->token);
  hasher_.hold = true;
  UserResult set = none_;
  identity_->SetPassword(caller, "", kNewPassword, "", From("10.0.0.1"), Into(set));
  ASSERT_TRUE(Revoke("eve", "admin").ok());
  hasher_.Release();
  EXPECT_EQ(ReasonOf(set.status()), "PERMISSION_MISSING");
}

TEST_F(LateChangeTest, OneWhoMayNoMoreEndsNoSessionsAndMakesNoTokens) {
  const auto ada = LogIn("ada");
  ASSERT_TRUE(Revoke("eve", "admin").ok());
  EXPECT_EQ(ReasonOf(End(eve_, ada->caller.session_id)), "SESSION_NOT_FOUND");
  EXPECT_EQ(ReasonOf(MakeToken(eve_, {"admin"}).status()), "PERMISSION_MISSING");
  ASSERT_TRUE(Grant("eve", "admin").ok());
  ASSERT_TRUE(Disable("eve").ok());
  EXPECT_EQ(ReasonOf(End(eve_, ada->caller.session_id)), "TOKEN_INVALID");
  EXPECT_EQ(ReasonOf(MakeToken(eve_).status()), "TOKEN_INVALID");
  EXPECT_EQ(Check(ada->access_token), "OK");
}

}  // namespace
}  // namespace grpc_os::core
