#include "core/identity/identity.h"

#include <algorithm>

#include "core/identity/identity_harness.h"

namespace grpc_os::core {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int64_t kMinute = 60'000;

TEST_F(IdentityTest, AnAccessTokenServesFifteenMinutes) {
  const auto login = LogInPeer(0);
  EXPECT_EQ(Check(login->access_token), "OK");
  clock_.now_ms += 15 * kMinute - 1;
  EXPECT_EQ(Check(login->access_token), "OK");
  clock_.now_ms += 1;
  EXPECT_EQ(Check(login->access_token), "TOKEN_INVALID");
  EXPECT_EQ(identity_->Current(login->caller.session_id), nullptr);
}

TEST_F(IdentityTest, ASignatureIsCheckedOnce) {
  const auto login = LogIn("ada");
  const int before = signer_.verified;
  for (int i = 0; i < 10; ++i) ASSERT_EQ(Check(login->access_token), "OK");
  EXPECT_EQ(signer_.verified, before + 1);
  const auto one = identity_->Authenticate(login->access_token);
  const auto two = identity_->Authenticate(login->access_token);
  EXPECT_EQ(*one, *two) << "without a copy";
}

TEST_F(IdentityTest, HoweverManyTokensThereAreEachIsAccepted) {
  std::vector<std::string> tokens;
  ASSERT_TRUE(Create("eve", {"admin"}).ok());  // who opens sessions as fast as she likes
  auto login = LogIn("eve");
  for (int i = 0; i < limits::kTokensVerified + 10; ++i) {
    tokens.push_back(login->access_token);
    clock_.now_ms += 10;
    login = Refresh(login->refresh_token);
    ASSERT_TRUE(login.ok());
    ASSERT_EQ(Check(tokens.back()), "OK") << i;
  }
  EXPECT_EQ(Check(tokens.front()), "OK");
}

TEST_F(IdentityTest, ATokenOfTheFutureOrOfAnotherUserIsRefused) {
  const auto login = LogIn("ada");
  Claims claims = *signer_.Verify(login->access_token);
  EXPECT_EQ(Check(signer_.Sign(claims)), "OK");
  Claims other = claims;
  other.user = "admin";
  EXPECT_EQ(Check(signer_.Sign(other)), "TOKEN_INVALID");
  other = claims;
  other.issue_time_s += 61;
  EXPECT_EQ(Check(signer_.Sign(other)), "TOKEN_INVALID");
  other = claims;
  other.session_id = std::string(32, '0');
  EXPECT_EQ(Check(signer_.Sign(other)), "TOKEN_INVALID");
  other = claims;
  other.expire_time_s = clock_.now_ms / 1000;
  EXPECT_EQ(Check(signer_.Sign(other)), "TOKEN_INVALID");
}

TEST_F(IdentityTest, ARoleTakenAwayHoldsAtOnceAndEndsNoSession) {
  const auto login = LogIn("ada");
  ASSERT_THAT(RolesOf(login->access_token), ElementsAre("operator"));
  ASSERT_TRUE(Revoke("ada", "operator").ok());
  EXPECT_THAT(RolesOf(login->access_token), IsEmpty());
  const auto current = identity_->Current(login->caller.session_id);
  ASSERT_NE(current, nullptr);
  EXPECT_FALSE(Allows(*current, "process.read"));
  ASSERT_TRUE(Grant("ada", "viewer").ok());
  EXPECT_THAT(RolesOf(login->access_token), ElementsAre("viewer"));
  EXPECT_TRUE(Allows(*identity_->Current(login->caller.session_id), "process.read"));
}

TEST_F(IdentityTest, WhatEndsASessionHoldsBeforeItIsAnswered) {
  const std::vector<std::function<void(const Caller&, std::function<void()>)>> ends = {
      [&](const Caller& caller, auto then) {
        identity_->Logout(caller, From("unix"), [then](const absl::Status&) { then(); });
      },
      [&](const Caller& caller, auto then) {
        identity_->EndSession(caller, caller.session_id, From("unix"),
                              [then](const absl::Status&) { then(); });
      },
      [&](const Caller&, auto then) {
        identity_->SetDisabled("ada", "", true, From("unix"),
                               [then](const UserResult&) { then(); });
      },
      [&](const Caller&, auto then) {
        const Caller admin = LogInPeer(0)->caller;
        identity_->SetPassword(admin, "ada", "another password", "", From("unix"),
                               [then](const UserResult&) { then(); });
      },
      [&](const Caller&, auto then) {
        identity_->DeleteUser("ada", "", From("unix"), [then](const absl::Status&) { then(); });
      }};
  for (size_t i = 0; i < ends.size(); ++i) {
    if (i > 0) {
      (void)Delete("ada");
      ASSERT_TRUE(Create("ada", {"operator"}).ok());
    }
    const auto login = LogIn("ada");
    ASSERT_TRUE(login.ok());
    ASSERT_EQ(Check(login->access_token), "OK") << "it is in the cache";
    std::string at_answer;
    ends[i](login->caller, [&] {
      at_answer = Check(login->access_token);
      EXPECT_EQ(identity_->Current(login->caller.session_id), nullptr) << i;
    });
    EXPECT_EQ(at_answer, "TOKEN_INVALID") << i;
    Start();
    EXPECT_EQ(Check(login->access_token), "TOKEN_INVALID") << "after a restart: " << i;
  }
}

TEST_F(IdentityTest, OnAFullDiskWhatEndsSessionsIsDoneAndNothingElse) {
  const auto one = LogIn("ada"), other = LogIn("ada");
  ASSERT_TRUE(Create("bob", {"viewer"}).ok());
  ASSERT_TRUE(Create("eve", {"viewer"}).ok());
  const auto token = MakeToken(one->caller);
  store_.full = true;
  EXPECT_EQ(ReasonOf(Create("kim", {"viewer"})), "DISK_FULL");
  EXPECT_EQ(ReasonOf(Grant("bob", "operator").status()), "DISK_FULL");
  EXPECT_EQ(ReasonOf(MakeToken(one->caller).status()), "DISK_FULL");
  EXPECT_EQ(ReasonOf(Refresh(one->refresh_token).status()), "DISK_FULL");
  EXPECT_EQ(ReasonOf(End(one->caller, token->session.id)), "OK");
  EXPECT_EQ(ReasonOf(End(one->caller, other->caller.session_id)), "OK");
  EXPECT_EQ(ReasonOf(Logout(one->caller)), "OK");
  EXPECT_EQ(ReasonOf(Disable("bob").status()), "OK");
  EXPECT_EQ(ReasonOf(Disable("bob", false).status()), "DISK_FULL");
  EXPECT_EQ(ReasonOf(Delete("eve")), "OK");
  EXPECT_THAT(store_.sessions, IsEmpty());
  Start();
  EXPECT_TRUE(identity_->FindUser("bob")->disabled);
  EXPECT_FALSE(identity_->FindUser("eve").has_value());
}

TEST_F(IdentityTest, NothingEndsIfTheStoreFails) {
  const auto login = LogIn("ada");
  const auto users = store_.users;
  store_.failure = absl::UnavailableError("disk full");
  EXPECT_EQ(ReasonOf(Logout(login->caller)), "STORE_UNAVAILABLE");
  EXPECT_EQ(ReasonOf(End(login->caller, login->caller.session_id)), "STORE_UNAVAILABLE");
  EXPECT_EQ(ReasonOf(Disable("ada").status()), "STORE_UNAVAILABLE");
  EXPECT_EQ(ReasonOf(Delete("ada")), "STORE_UNAVAILABLE");
  EXPECT_EQ(ReasonOf(Revoke("ada", "operator").status()), "STORE_UNAVAILABLE");
  EXPECT_EQ(ReasonOf(SetPassword(login->caller, "", "another password", kPassword).status()),
            "STORE_UNAVAILABLE");
  EXPECT_EQ(ReasonOf(Create("bob", {"viewer"})), "STORE_UNAVAILABLE");
  EXPECT_EQ(ReasonOf(MakeToken(login->caller).status()), "STORE_UNAVAILABLE");
  EXPECT_EQ(Check(login->access_token), "OK");
  EXPECT_THAT(RolesOf(login->access_token), ElementsAre("operator"));
  EXPECT_FALSE(identity_->FindUser("bob").has_value());
  EXPECT_EQ(store_.users, users);
  store_.failure = absl::OkStatus();
  EXPECT_TRUE(Refresh(login->refresh_token).ok()) << "nothing is half ended";
  EXPECT_TRUE(LogIn("ada").ok()) << "the old password holds";
  EXPECT_TRUE(Logout(login->caller).ok());
}

TEST_F(IdentityTest, ATokenWorksUntilItExpiresOrIsEnded) {
  const auto login = LogIn("ada");
  const auto made = MakeToken(login->caller, {}, 60 * kMinute);
  ASSERT_TRUE(made.ok());
  EXPECT_EQ(made->token.rfind("gost_", 0), 0u);
  EXPECT_EQ(made->token.size(), 64u);
  EXPECT_EQ(Check(made->token), "OK");
  EXPECT_EQ((*identity_->Authenticate(made->token))->method, "token");
  EXPECT_THAT(RolesOf(made->token), ElementsAre("operator"));
  EXPECT_EQ(store_.sessions.at(made->session.id).token_digest, digest_.Sha256Hex(made->token));
  ASSERT_TRUE(Logout(login->caller).ok());
  EXPECT_EQ(Check(made->token), "OK") << "it outlives the session that made it";
  Start();
  EXPECT_EQ(Check(made->token), "OK");
  clock_.now_ms += 60 * kMinute;
  EXPECT_EQ(Check(made->token), "TOKEN_INVALID");
  const auto again = LogIn("ada");
  const auto ended = MakeToken(again->caller);
  ASSERT_EQ(Check(ended->token), "OK");
  ASSERT_TRUE(End(again->caller, ended->session.id).ok());
  EXPECT_EQ(Check(ended->token), "TOKEN_INVALID");
  std::string altered = ended->token;
  altered[10] = altered[10] == 'A' ? 'B' : 'A';
  EXPECT_EQ(Check(altered), "TOKEN_INVALID");
  EXPECT_EQ(Check("gost_"), "TOKEN_INVALID");
}

TEST_F(IdentityTest, ATokenThatNamesAnotherSystemIsRefusedByThatWord) {
  EXPECT_EQ(Check("elsewhere|access"), "TOKEN_OF_OTHER_SYSTEM");
  EXPECT_EQ(ReasonOf(Refresh("elsewhere|refresh").status()), "TOKEN_OF_OTHER_SYSTEM");
  const auto made = MakeToken(LogIn("ada")->caller);
  std::string other = made->token;
  other[5] = 'f';
  EXPECT_EQ(Check(other), "TOKEN_OF_OTHER_SYSTEM");
  other[5] = 'F';
  EXPECT_EQ(Check(other), "TOKEN_INVALID") << "no instance writes so";
  EXPECT_EQ(Check(other + "x"), "TOKEN_INVALID");
  ASSERT_TRUE(End(LogIn("ada")->caller, made->session.id).ok());
  EXPECT_EQ(Check(made->token), "TOKEN_INVALID") << "of this system, and ended";
}

// Time passes without a change of anybody's rights.
TEST_F(IdentityTest, WhoseTokenExpiredMeanwhileIsNotPermittedAnyMore) {
  const auto login = LogIn("ada");
  const auto made = MakeToken(login->caller, {}, 60 * kMinute);
  ASSERT_TRUE(made.ok());
  const auto caller = identity_->Authenticate(made->token);
  ASSERT_TRUE(caller.ok());
  uint64_t version = (*caller)->version;
  const std::string& session = (*caller)->session_id;
  EXPECT_TRUE(identity_->CheckAllowed(session, "process.read", "", version).ok());
  clock_.now_ms += 60 * kMinute;
  EXPECT_TRUE(
      absl::IsUnauthenticated(identity_->CheckAllowed(session, "process.read", "", version)));
}

TEST_F(IdentityTest, ATokenDoesWhatItAndItsUserMay) {
  const Caller admin = LogInPeer(0)->caller;
  const auto narrow = MakeToken(admin, {"viewer"});
  ASSERT_TRUE(narrow.ok());
  EXPECT_THAT(RolesOf(narrow->token), ElementsAre("viewer"));
  const auto login = LogIn("ada");
  const auto wide = MakeToken(login->caller, {"operator"});
  ASSERT_TRUE(wide.ok());
  EXPECT_EQ(ReasonOf(MakeToken(login->caller, {"admin"}).status()), "PERMISSION_MISSING");
  EXPECT_EQ(ReasonOf(MakeToken(login->caller, {"king"}).status()), "ROLE_NOT_FOUND");
  ASSERT_TRUE(Grant("ada", "viewer").ok());
  ASSERT_TRUE(Revoke("ada", "operator").ok());
  EXPECT_FALSE(Allows(**identity_->Authenticate(wide->token), "process.write"));
  EXPECT_TRUE(Allows(**identity_->Authenticate(wide->token), "process.read"));
  ASSERT_TRUE(Revoke("ada", "viewer").ok());
  EXPECT_FALSE(Allows(**identity_->Authenticate(wide->token), "process.read"));
  ASSERT_TRUE(Grant("ada", "admin").ok());
  EXPECT_FALSE(Allows(**identity_->Authenticate(wide->token), "user.write"));
}

TEST_F(IdentityTest, ATokenMakesNoTokensAndTakesOverNoAccount) {
  const auto token = MakeToken(LogIn("ada")->caller);
  const auto caller = identity_->Authenticate(token->token);
  ASSERT_TRUE(caller.ok());
  EXPECT_EQ(ReasonOf(MakeToken(**caller).status()), "PERMISSION_MISSING");
  EXPECT_EQ(ReasonOf(SetPassword(**caller, "", "another password", kPassword).status()),
            "PERMISSION_MISSING");
}

TEST_F(IdentityTest, SessionsAreListedTheNewestFirst) {
  const auto first = LogIn("ada");
  clock_.now_ms += 1000;
  const auto token = MakeToken(first->caller);
  clock_.now_ms += 1000;
  const auto peer = LogInPeer(0);
  const auto ids = [](const std::vector<Session>& sessions) {
    std::vector<std::string> all;
    for (const Session& session : sessions) all.push_back(session.id);
    return all;
  };
  EXPECT_THAT(ids(Sessions()),
              ElementsAre(peer->caller.session_id, token->session.id, first->caller.session_id));
  EXPECT_THAT(ids(identity_->ListSessions("ada")),
              ElementsAre(token->session.id, first->caller.session_id));
  EXPECT_THAT(identity_->ListSessions("nobody"), IsEmpty());
  clock_.now_ms += 15 * kMinute;
  EXPECT_THAT(Sessions(), SizeIs(2)) << "a log-in by peer ends by itself";
}

TEST_F(IdentityTest, SessionsAreListedInPagesWhereNothingIsTwiceOrMissing) {
  ASSERT_TRUE(Create("bob", {"viewer"}).ok());
  for (int i = 0; i < 30; ++i) {
    ASSERT_TRUE(LogIn(i % 3 == 0 ? "bob" : "ada").ok());
    if (i % 4 == 0) clock_.now_ms += 1;
  }
  for (const std::string user : {"", "ada", "bob"}) {
    const std::vector<Session> whole = identity_->ListSessions(user);
    ASSERT_GE(whole.size(), 10u);
    std::vector<Session> paged;
    SessionPlace after;
    for (;;) {
      const auto page = identity_->ListSessions(user, after, 7);
      ASSERT_LE(page.size(), 7u);
      if (page.empty()) break;
      paged.insert(paged.end(), page.begin(), page.end());
      after = PlaceOf(page.back());
      (void)LogIn("ada");  // newer than what was seen
      clock_.now_ms += 1;
    }
    EXPECT_EQ(paged, whole) << user;
  }
}

TEST_F(IdentityTest, ARefreshedSessionIsNotForgottenAtTheTimeItHadBefore) {
  const auto login = LogIn("ada");
  clock_.now_ms += int64_t{13} * 24 * 60 * kMinute;
  const auto next = Refresh(login->refresh_token);
  ASSERT_TRUE(next.ok());
  clock_.now_ms += int64_t{2} * 24 * 60 * kMinute;
  ASSERT_TRUE(LogInPeer(0).ok()) << "which forgets what has expired";
  const auto again = Refresh(next->refresh_token);
  ASSERT_TRUE(again.ok());
  clock_.now_ms += limits::kRefreshIdleMs;
  EXPECT_THAT(Sessions(), IsEmpty());
}

TEST_F(IdentityTest, LifetimesMayBeOthers) {
  lifetimes_ = {
      .access_token_ms = 2 * kMinute, .session_idle_ms = 20 * kMinute, .session_ms = 30 * kMinute};
  Start();
  const auto peer = LogInPeer(0);
  const auto login = LogIn("ada");
  clock_.now_ms += 2 * kMinute - 1;
  EXPECT_EQ(Check(peer->access_token), "OK");
  EXPECT_EQ(Check(login->access_token), "OK");
  clock_.now_ms += 1;
  EXPECT_EQ(Check(peer->access_token), "TOKEN_INVALID");
  EXPECT_EQ(Check(login->access_token), "TOKEN_INVALID");
  EXPECT_EQ(login->refresh_expire_time_ms - (clock_.now_ms - 2 * kMinute), 20 * kMinute);
  clock_.now_ms += 16 * kMinute;
  const auto next = Refresh(login->refresh_token);
  ASSERT_TRUE(next.ok());
  EXPECT_EQ(next->refresh_expire_time_ms - (clock_.now_ms - 18 * kMinute), 30 * kMinute)
      << "in all";
  lifetimes_.session_ms = 10 * kMinute;
  Start();
  EXPECT_EQ(LogIn("ada")->refresh_expire_time_ms - clock_.now_ms, 10 * kMinute);
}

TEST_F(IdentityTest, AnotherUsersSessionIsEndedByAnAdminOnly) {
  ASSERT_TRUE(Create("bob", {"operator"}).ok());
  const auto ada = LogIn("ada");
  const auto bob = LogIn("bob");
  EXPECT_EQ(ReasonOf(End(bob->caller, ada->caller.session_id)), "SESSION_NOT_FOUND");
  EXPECT_EQ(ReasonOf(End(bob->caller, std::string(32, '0'))), "SESSION_NOT_FOUND");
  EXPECT_EQ(Check(ada->access_token), "OK");
  EXPECT_TRUE(End(LogInPeer(0)->caller, ada->caller.session_id).ok());
  EXPECT_EQ(Check(ada->access_token), "TOKEN_INVALID");
}

TEST_F(IdentityTest, WhatExpiredIsForgotten) {
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(LogInPeer(0).ok());
  clock_.now_ms += 16 * kMinute;
  ASSERT_TRUE(LogInPeer(0).ok());
  Start();
  EXPECT_THAT(Sessions(), SizeIs(1));
}

TEST_F(IdentityTest, AClockThatIsWrongForAMomentEndsNoSession) {
  const auto ada = LogIn("ada");
  ASSERT_TRUE(ada.ok());
  constexpr int64_t kJumpMs = 2 * limits::kSessionMs;
  retention_clock_.held_ms = clock_.now_ms;
  clock_.now_ms += kJumpMs;
  EXPECT_EQ(Check(ada->access_token), "TOKEN_INVALID");
  ASSERT_TRUE(LogInPeer(0).ok());  // what has expired is forgotten then, in the store too
  clock_.now_ms -= kJumpMs;
  EXPECT_EQ(Check(ada->access_token), "OK");
  Start();
  EXPECT_EQ(Check(ada->access_token), "OK");
}

TEST_F(IdentityTest, WhatLooksExpiredForAMomentMakesNoRoomForALogIn) {
  const auto ada = LogIn("ada");
  ASSERT_TRUE(ada.ok());
  std::vector<std::string> tokens;
  while (tokens.size() + 1 < static_cast<size_t>(limits::kSessionsPerUser)) {
    clock_.now_ms += limits::kSessionEachMs;
    const auto made = MakeToken(ada->caller);
    ASSERT_TRUE(made.ok()) << made.status();
    tokens.push_back(made->token);
  }
  constexpr int64_t kJumpMs = 2 * limits::kTokenTtlMaxMs;
  retention_clock_.held_ms = clock_.now_ms;
  clock_.now_ms += kJumpMs;
  ASSERT_TRUE(LogIn("ada").ok());
  clock_.now_ms -= kJumpMs;
  for (const std::string& token : tokens) ASSERT_EQ(Check(token), "OK");
  EXPECT_FALSE(Refresh(ada->refresh_token).ok()) << "the oldest log-in went";
}

TEST_F(IdentityTest, ARefreshUnderAClockThatIsBehindEndsNoSessionSooner) {
  const auto ada = LogIn("ada");
  ASSERT_TRUE(ada.ok());
  constexpr int64_t kJumpMs = limits::kSessionMs;
  clock_.now_ms -= kJumpMs;
  const auto again = Refresh(ada->refresh_token);
  ASSERT_TRUE(again.ok()) << again.status();
  clock_.now_ms += kJumpMs;
  EXPECT_TRUE(Refresh(again->refresh_token).ok());
}

TEST_F(IdentityTest, OfASessionOfAnotherNotEvenTheWordsTellThatItIsThere) {
  ASSERT_TRUE(Create("bob", {"operator"}).ok());
  const auto ada = LogIn("ada");
  const auto bob = LogIn("bob");
  const std::string none(32, '0');
  std::string there(End(bob->caller, ada->caller.session_id).message());
  there.replace(there.find(ada->caller.session_id), 32, none);
  EXPECT_EQ(there, End(bob->caller, none).message());
}

TEST(FirstAdmin, IsAudited) {
  testing::MemoryIdentityStore store;
  testing::ManualScheduler clock;
  testing::FakeHasher hasher;
  testing::FakeSigner signer;
  testing::FakeDigest digest;
  clock.now_ms = 5000;
  Identity identity(
      {store, store, signer, hasher, digest, clock, {}, clock, testing::Permissions()});
  ASSERT_TRUE(identity.MakeAdmin("a hash").ok());
  ASSERT_THAT(store.audit, SizeIs(1));
  AuditRecord expected;
  expected.time_ms = 5000;
  expected.source = "start";
  expected.method = "first start";
  expected.resource = kAdminUser;
  EXPECT_EQ(store.audit[0], expected);
}

}  // namespace
}  // namespace grpc_os::core
