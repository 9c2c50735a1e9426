#include "core/identity/identity_harness.h"

namespace grpc_os::core {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int64_t kMinute = 60'000;
constexpr int64_t kDay = 86'400'000;

class LoginTest : public IdentityTest {};

TEST_F(LoginTest, APasswordOpensASessionWithItsRecord) {
  const auto login = LogIn("ada");
  ASSERT_TRUE(login.ok()) << login.status();
  EXPECT_EQ(login->caller.user, "ada");
  EXPECT_THAT(login->caller.roles, ElementsAre("operator"));
  EXPECT_EQ(login->caller.method, "password");
  EXPECT_EQ(login->caller.source, "10.0.0.1");
  EXPECT_EQ(login->caller.expire_time_ms, clock_.now_ms + 15 * kMinute);
  EXPECT_EQ(login->refresh_expire_time_ms, clock_.now_ms + 14 * kDay);
  EXPECT_EQ(Check(login->access_token), "OK");
  ASSERT_THAT(store_.audit, SizeIs(1));
  EXPECT_EQ(store_.audit[0].user, "ada");
  EXPECT_EQ(store_.audit[0].session_id, login->caller.session_id);
  EXPECT_EQ(store_.audit[0].source, "10.0.0.1");
}

TEST_F(LoginTest, AllWhoCannotLogInCostTheSameAndAreToldTheSame) {
  ASSERT_TRUE(Create("disabled", {"viewer"}).ok());
  ASSERT_TRUE(Disable("disabled").ok());
  ASSERT_TRUE(Create("passwordless", {"viewer"}, "").ok());
  absl::Status told;
  for (const char* name : {"ada", "nobody", "disabled", "passwordless"}) {
    const int before = hasher_.verified;
    const auto login = LogIn(name, name == std::string("ada") ? "wrong" : kPassword, name);
    EXPECT_EQ(ReasonOf(login.status()), "LOGIN_FAILED") << name;
    EXPECT_EQ(hasher_.verified, before + 1) << name;
    if (told.ok()) told = login.status();
    EXPECT_EQ(login.status(), told) << name;
  }
  EXPECT_THAT(store_.sessions, IsEmpty());
}

TEST_F(LoginTest, AThousandWrongPasswordsAreHashedAHundredTimesAnHour) {
  int throttled = 0;
  const int before = hasher_.verified;
  for (int i = 0; i < 1000; ++i) {
    const auto login = LogIn("ada", "wrong", "10.0." + std::to_string(i % 200) + ".1");
    throttled += ReasonOf(login.status()) == "LOGIN_THROTTLED";
    clock_.now_ms += 100;
  }
  const int hashed = hasher_.verified - before;
  EXPECT_EQ(hashed + throttled, 1000);
  EXPECT_GE(hashed, 100);
  EXPECT_LE(hashed, 103) << "a hundred, and what 100 s give back";
}

TEST_F(LoginTest, OneSourceIsSlowedDownAndToldHowLong) {
  for (int i = 0; i < 6; ++i) EXPECT_EQ(ReasonOf(LogIn("ada", "wrong").status()), "LOGIN_FAILED");
  const int before = hasher_.verified;
  const auto refused = LogIn("ada");
  EXPECT_EQ(ReasonOf(refused.status()), "LOGIN_THROTTLED");
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(DetailOf(refused.status())->retry_after_ms, 1000);
  EXPECT_EQ(hasher_.verified, before) << "nothing is hashed";
  clock_.now_ms += 1000;
  EXPECT_TRUE(LogIn("ada").ok());
  EXPECT_EQ(ReasonOf(LogIn("ada", "wrong").status()), "LOGIN_FAILED") << "the count begins anew";
}

TEST_F(LoginTest, TriesAtTheSameTimeAreAllCounted) {
  hasher_.hold = true;
  std::vector<std::shared_ptr<Pending>> tries;
  for (int i = 0; i < 50; ++i) tries.push_back(BeginLogin("ada", "wrong"));
  EXPECT_THAT(hasher_.waiting, SizeIs(6));
}

TEST_F(LoginTest, AFullQueueOfTheHasherCostsNoTry) {
  hasher_.refusal = MakeError(absl::StatusCode::kResourceExhausted, "too many log-ins at once",
                              {.reason = reason::kLimitReached});
  for (int i = 0; i < 100; ++i) EXPECT_EQ(ReasonOf(LogIn("ada").status()), "LIMIT_REACHED");
  hasher_.refusal = absl::OkStatus();
  EXPECT_TRUE(LogIn("ada").ok());
}

TEST_F(LoginTest, WhoIsKnownOrMayLogInByPeerWaitsInALaneOfTheirOwn) {
  using Lane = PasswordHasher::Lane;
  ASSERT_TRUE(LogIn("ada", kPassword, "10.0.0.1").ok());
  (void)LogIn("ada", "wrong", "10.0.0.1");
  (void)LogIn("nobody", "wrong", "10.0.0.1");
  (void)LogIn("ada", "wrong", "10.0.0.2");
  (void)LogInAs(0, "ada", "wrong");
  (void)LogInAs(1001, "ada", "wrong");
  (void)LogIn("ada", "wrong", "127.0.0.1 uid 0");
  EXPECT_THAT(hasher_.lanes,
              ElementsAre(Lane::kStrangers, Lane::kKnown, Lane::kStrangers, Lane::kStrangers,
                          Lane::kKnown, Lane::kStrangers, Lane::kStrangers));
  ASSERT_TRUE(LogInAs(1001, "ada", kPassword).ok());
  (void)LogInAs(1001, "ada", "wrong");
  EXPECT_EQ(hasher_.lanes.back(), Lane::kKnown) << "a uid that has logged in";
}

TEST_F(LoginTest, APeerWaitsForNoHash) {
  hasher_.hold = true;
  for (int i = 0; i < 5; ++i) BeginLogin("ada", "wrong", absl::StrCat("10.0.0.", i));
  EXPECT_TRUE(LogInPeer(0).ok());
  hasher_.refusal = absl::ResourceExhaustedError("the queue is full");
  EXPECT_TRUE(LogInPeer(0).ok());
}

TEST_F(LoginTest, AStrangerOnTheLoopbackLocksNoOtherAccountOut) {
  for (int i = 0; i < 200; ++i) {
    (void)LogIn("ada", "wrong", "127.0.0.1 uid 1001");
    (void)LogIn(absl::StrCat("user", i), "wrong", "127.0.0.1 uid 1001");
    clock_.now_ms += 100;
  }
  EXPECT_EQ(ReasonOf(LogIn("ada", kPassword, "127.0.0.1 uid 1001").status()), "LOGIN_THROTTLED");
  for (int uid = 2000; uid < 2200; ++uid)
    (void)LogIn("ada", "wrong", absl::StrCat("127.0.0.1 uid ", uid));
  EXPECT_TRUE(LogIn("ada", kPassword, "127.0.0.1 uid 1000").ok());
  EXPECT_TRUE(LogInAs(1000, "ada", kPassword).ok());
}

TEST_F(LoginTest, WhatHappensToTheUserDuringTheHashingCounts) {
  hasher_.hold = true;
  const auto login = BeginLogin("ada", kPassword);
  ASSERT_THAT(hasher_.waiting, SizeIs(1));
  ASSERT_TRUE(Disable("ada").ok());
  ASSERT_TRUE(Disable("ada", false).ok());
  hasher_.Release();
  ASSERT_TRUE(login->result.has_value());
  EXPECT_EQ(ReasonOf(login->result->status()), "LOGIN_FAILED");
}

TEST_F(LoginTest, WhatHappensToTheUserDuringTheCommitCounts) {
  store_.hold = true;
  const auto login = BeginLogin("ada", kPassword);
  absl::Status deleted = none_;
  identity_->DeleteUser("ada", "", From("unix"), Into(deleted));
  ASSERT_THAT(store_.waiting, SizeIs(2));
  std::swap(store_.waiting[0], store_.waiting[1]);
  store_.ReleaseAll();
  EXPECT_TRUE(deleted.ok());
  EXPECT_EQ(ReasonOf(login->result->status()), "LOGIN_FAILED");
}

TEST_F(LoginTest, AnOutdatedHashIsMadeAnewAndEndsNothing) {
  store_.users["ada"].password_hash = std::string("old:") + kPassword;
  Start();
  const auto etag = Identity::EtagOf(*identity_->FindUser("ada"));
  const auto login = LogIn("ada");
  ASSERT_TRUE(login.ok());
  EXPECT_EQ(store_.users["ada"].password_hash, std::string("hash:") + kPassword);
  EXPECT_EQ(Check(login->access_token), "OK");
  EXPECT_EQ(Identity::EtagOf(*identity_->FindUser("ada")), etag);
  EXPECT_THAT(store_.audit, SizeIs(1)) << "of the log-in alone";
  EXPECT_THAT(store_.events, IsEmpty());
}

TEST_F(LoginTest, IsNotThereBeforeItIsDurable) {
  store_.hold = true;
  const auto login = BeginLogin("ada", kPassword);
  EXPECT_FALSE(login->result.has_value());
  EXPECT_THAT(Sessions(), IsEmpty());
  store_.ReleaseAll();
  EXPECT_TRUE(login->result->ok());
  EXPECT_THAT(Sessions(), SizeIs(1));
}

TEST_F(LoginTest, AFailingStoreOpensNothing) {
  store_.failure = absl::UnavailableError("disk full");
  EXPECT_EQ(ReasonOf(LogIn("ada").status()), "STORE_UNAVAILABLE");
  EXPECT_THAT(Sessions(), IsEmpty());
}

TEST_F(LoginTest, WhereTheStoreCannotWriteAPeerIsLetInAndRememberedInMemory) {
  for (const bool full : {true, false}) {
    SCOPED_TRACE(full);
    store_.full = full;
    if (!full) store_.failure = absl::UnavailableError("a read-only file system");
    EXPECT_NE(ReasonOf(LogIn("ada").status()), "OK") << "a password needs the store";
    Origin origin = From("uid 1000");
    LoginResult login = none_;
    identity_->LoginPeer(1000, origin, [&](LoginResult result) { login = std::move(result); });
    ASSERT_TRUE(login.ok()) << login.status();
    EXPECT_EQ(Check(login->access_token), "OK");
    EXPECT_FALSE(origin.written->load()) << "the call audits it";
    EXPECT_EQ(origin.findings->Lock()->user, kAdminUser);
    EXPECT_THAT(store_.sessions, IsEmpty());
    EXPECT_EQ(ReasonOf(Logout(login->caller)), "OK") << "it ends where it is";
    EXPECT_EQ(Check(login->access_token), "TOKEN_INVALID");
    store_.full = false;
    store_.failure = absl::OkStatus();
  }
  store_.full = true;
  const auto login = LogInPeer(0);
  ASSERT_TRUE(login.ok());
  Start();
  EXPECT_EQ(Check(login->access_token), "TOKEN_INVALID") << "it ended with the daemon";
}

TEST_F(LoginTest, SessionsInMemoryAreBoundedAsOthersAre) {
  store_.full = true;
  const auto first = LogInPeer(0);
  ASSERT_TRUE(first.ok());
  for (int i = 0; i < limits::kSessionsPerUser; ++i) {
    ++clock_.now_ms;
    ASSERT_TRUE(LogInPeer(0).ok());
  }
  EXPECT_EQ(Check(first->access_token), "TOKEN_INVALID") << "the oldest goes";
  EXPECT_LE(identity_->ListSessions(kAdminUser).size(),
            static_cast<size_t>(limits::kSessionsPerUser));
  EXPECT_EQ(store_.commits, 2) << "the admin, ada and no session";
}

TEST_F(LoginTest, APeerIsAdminIfItsUidIsOneOfThem) {
  const auto login = LogInPeer(1000);
  ASSERT_TRUE(login.ok());
  EXPECT_EQ(login->caller.user, kAdminUser);
  EXPECT_EQ(login->caller.source, "uid 1000");
  EXPECT_EQ(login->caller.peer_uid, 1000);
  EXPECT_EQ(login->refresh_token, "");
  for (const int64_t uid : {1001, -1}) {
    const auto refused = LogInPeer(uid);
    EXPECT_EQ(ReasonOf(refused.status()), "PERMISSION_MISSING");
    EXPECT_THAT(std::string(refused.status().message()), HasSubstr("`login NAME`"));
  }
}

TEST_F(LoginTest, TheOldestLogInGoesForOneTooManyAndTokensStay) {
  const auto first = LogIn("ada");
  const auto token = MakeToken(first->caller);
  ASSERT_TRUE(token.ok());
  clock_.now_ms += 1;
  for (int i = 0; i < limits::kSessionsPerUser - 1; ++i) {
    ASSERT_TRUE(LogIn("ada").ok()) << i;
    clock_.now_ms += limits::kSessionEachMs;
  }
  EXPECT_THAT(identity_->ListSessions("ada"), SizeIs(limits::kSessionsPerUser));
  EXPECT_EQ(Check(first->access_token), "TOKEN_INVALID");
  EXPECT_EQ(Check(token->token), "OK");
  const auto last = LogIn("ada");
  EXPECT_EQ(ReasonOf(MakeToken(last->caller).status()), "LIMIT_REACHED");
  EXPECT_THAT(store_.sessions, SizeIs(limits::kSessionsPerUser));
}

// Each of these leaves a record of a change in the audit.
TEST_F(LoginTest, NobodyFillsTheAuditWithSessionsOfTheirOwn) {
  const auto first = LogIn("ada");
  std::string refresh = first->refresh_token;
  store_.audit.clear();
  for (int i = 0; i < 1000; ++i) {
    if (const auto next = Refresh(refresh); next.ok()) refresh = next->refresh_token;
    if (const auto token = MakeToken(first->caller); token.ok())
      (void)End(first->caller, token->session.id);
    (void)LogIn("ada");
    (void)SetPassword(first->caller, "", kPassword, kPassword);
  }
  EXPECT_LE(store_.audit.size(), 2u * limits::kSessionsAtOnce);
  const auto refused = MakeToken(first->caller);
  EXPECT_EQ(ReasonOf(refused.status()), "LIMIT_REACHED");
  EXPECT_GT(DetailOf(refused.status())->retry_after_ms, 0);
  EXPECT_TRUE(Logout(first->caller).ok());
  clock_.now_ms += limits::kSessionEachMs;
  EXPECT_TRUE(LogIn("ada").ok());
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(LogInPeer(0).ok());
  EXPECT_TRUE(Create("bob", {"viewer"}).ok());
  EXPECT_TRUE(LogIn("bob").ok()) << "others are not slowed down";
}

class RefreshTest : public IdentityTest {};

TEST_F(RefreshTest, GivesNewTokensAndTheOldAccessTokenLivesItsTime) {
  const auto login = LogIn("ada");
  clock_.now_ms += 10 * kMinute;
  const auto next = Refresh(login->refresh_token);
  ASSERT_TRUE(next.ok()) << next.status();
  EXPECT_NE(next->refresh_token, login->refresh_token);
  EXPECT_EQ(next->caller.session_id, login->caller.session_id);
  EXPECT_EQ(Check(next->access_token), "OK");
  EXPECT_EQ(Check(login->access_token), "OK");
  clock_.now_ms += 5 * kMinute;
  EXPECT_EQ(Check(login->access_token), "TOKEN_INVALID");
  EXPECT_EQ(Check(next->access_token), "OK");
}

TEST_F(RefreshTest, ATokenUsedTwiceEndsTheSessionForBoth) {
  const auto login = LogIn("ada");
  const auto other = LogIn("ada");
  const auto next = Refresh(login->refresh_token);
  ASSERT_TRUE(next.ok());
  store_.audit.clear();
  EXPECT_EQ(ReasonOf(Refresh(login->refresh_token).status()), "TOKEN_INVALID");
  EXPECT_EQ(Check(next->access_token), "TOKEN_INVALID");
  EXPECT_EQ(ReasonOf(Refresh(next->refresh_token).status()), "TOKEN_INVALID");
  EXPECT_EQ(Check(other->access_token), "OK") << "another session goes on";
  ASSERT_THAT(store_.audit, SizeIs(1));
  EXPECT_EQ(store_.audit[0].reason, "TOKEN_INVALID");
  EXPECT_EQ(store_.audit[0].user, "ada");
  EXPECT_EQ(store_.audit[0].session_id, login->caller.session_id);
  Start();
  EXPECT_EQ(Check(next->access_token), "TOKEN_INVALID");
}

TEST_F(RefreshTest, OfTwoAtOnceNotBothWin) {
  const auto login = LogIn("ada");
  store_.hold = true;
  const auto one = BeginRefresh(login->refresh_token);
  const auto two = BeginRefresh(login->refresh_token);
  store_.ReleaseAll();
  ASSERT_TRUE(one->result && two->result);
  EXPECT_FALSE(one->result->ok() && two->result->ok());
  EXPECT_EQ(ReasonOf(two->result->status()), "TOKEN_INVALID");
  EXPECT_THAT(store_.sessions, IsEmpty());
}

TEST_F(RefreshTest, ReuseEndsTheSessionEvenIfTheStoreFails) {
  const auto login = LogIn("ada");
  const auto next = Refresh(login->refresh_token);
  store_.failure = absl::UnavailableError("disk full");
  EXPECT_EQ(ReasonOf(Refresh(login->refresh_token).status()), "TOKEN_INVALID");
  EXPECT_EQ(Check(next->access_token), "TOKEN_INVALID");
}

TEST_F(RefreshTest, MayBeTriedAgainAfterAFailureOfTheStore) {
  const auto login = LogIn("ada");
  store_.failure = absl::UnavailableError("disk full");
  EXPECT_EQ(ReasonOf(Refresh(login->refresh_token).status()), "STORE_UNAVAILABLE");
  store_.failure = absl::OkStatus();
  EXPECT_TRUE(Refresh(login->refresh_token).ok());
}

TEST_F(RefreshTest, SurvivesTheDaemon) {
  const auto login = LogIn("ada");
  const auto next = Refresh(login->refresh_token);
  Start();
  EXPECT_TRUE(Refresh(next->refresh_token).ok());
}

TEST_F(RefreshTest, EndsAfterFourteenIdleDaysAndThirtyInAll) {
  auto login = LogIn("ada");
  const auto idle = LogIn("ada");
  for (int day = 13; day <= 26; day += 13) {
    clock_.now_ms += 13 * kDay;
    login = Refresh(login->refresh_token);
    ASSERT_TRUE(login.ok()) << day;
  }
  EXPECT_EQ(login->refresh_expire_time_ms, clock_.now_ms + 4 * kDay);
  EXPECT_EQ(ReasonOf(Refresh(idle->refresh_token).status()), "TOKEN_INVALID");
  clock_.now_ms += 4 * kDay;
  EXPECT_EQ(ReasonOf(Refresh(login->refresh_token).status()), "TOKEN_INVALID");
}

TEST_F(RefreshTest, TakesNoOtherTokenAndAccessTakesNoRefreshToken) {
  const auto login = LogIn("ada");
  const auto token = MakeToken(login->caller);
  for (const std::string& wrong : {login->access_token, token->token, std::string("nonsense"),
                                   std::string(), std::string(5000, 'x')})
    EXPECT_EQ(ReasonOf(Refresh(wrong).status()), "TOKEN_INVALID") << wrong;
  EXPECT_EQ(Check(login->refresh_token), "TOKEN_INVALID");
  EXPECT_TRUE(Refresh(login->refresh_token).ok());
}

TEST_F(RefreshTest, DoesNotBringBackASessionThatIsBeingEnded) {
  const auto login = LogIn("ada");
  store_.hold = true;
  absl::Status out = none_;
  identity_->Logout(login->caller, From("unix"), Into(out));
  const auto refresh = BeginRefresh(login->refresh_token);
  store_.ReleaseAll();
  EXPECT_TRUE(out.ok());
  EXPECT_EQ(ReasonOf(refresh->result->status()), "TOKEN_INVALID");
  EXPECT_THAT(store_.sessions, IsEmpty());
}

TEST_F(RefreshTest, OvertakenByALogOutStaysEnded) {
  const auto login = LogIn("ada");
  store_.hold = true;
  const auto refresh = BeginRefresh(login->refresh_token);
  absl::Status out = none_;
  identity_->Logout(login->caller, From("unix"), Into(out));
  store_.ReleaseAll();
  EXPECT_TRUE(out.ok());
  EXPECT_THAT(store_.sessions, IsEmpty()) << "the store got them in their order";
  Start();
  EXPECT_EQ(Check(login->access_token), "TOKEN_INVALID");
}

TEST_F(RefreshTest, GoesToTheStoreInTheOrderInWhichItWasComputed) {
  const auto login = LogIn("ada");
  std::shared_ptr<Pending> refresh;
  absl::Status out = none_;
  // Another thread hands something over just now, so both wait for it.
  store_.during = [&] {
    refresh = BeginRefresh(login->refresh_token);
    identity_->Logout(login->caller, From("unix"), Into(out));
    EXPECT_FALSE(refresh->result.has_value());
  };
  ASSERT_TRUE(Grant("ada", "viewer").ok());
  ASSERT_TRUE(refresh->result.has_value());
  EXPECT_TRUE(out.ok());
  EXPECT_THAT(store_.sessions, IsEmpty()) << "the log-out came last";
}

TEST_F(RefreshTest, IsRefusedOnceTheUserIsDisabledOrHasANewPassword) {
  const auto disabled = LogIn("ada");
  ASSERT_TRUE(Disable("ada").ok());
  EXPECT_EQ(ReasonOf(Refresh(disabled->refresh_token).status()), "TOKEN_INVALID");
  ASSERT_TRUE(Disable("ada", false).ok());
  EXPECT_EQ(ReasonOf(Refresh(disabled->refresh_token).status()), "TOKEN_INVALID");
  const auto login = LogIn("ada");
  ASSERT_TRUE(SetPassword(LogInPeer(0)->caller, "ada", "another password").ok());
  EXPECT_EQ(ReasonOf(Refresh(login->refresh_token).status()), "TOKEN_INVALID");
}

// What its call audits a refusal by.
class RefusalTest : public IdentityTest {
 protected:
  OriginFindings FindingsOf(const std::string& user, const std::string& password) {
    const Origin origin = From("uid 1000");
    identity_->LoginPassword(user, password, 1000, origin,
                             [](const LoginResult& login) { EXPECT_FALSE(login.ok()); });
    return *origin.findings->Lock();
  }
};

TEST_F(RefusalTest, OfALogInKnowsItsUser) {
  const auto found = FindingsOf("ada", "wrong");
  EXPECT_EQ(found.user, "ada");
  EXPECT_FALSE(found.told);
  EXPECT_EQ(FindingsOf("nobody", "wrong").user, "") << "there is no such user";
  ASSERT_TRUE(Disable("ada").ok());
  EXPECT_EQ(FindingsOf("ada", kPassword).user, "ada");
}

TEST_F(RefusalTest, OfARefreshTokenUsedAgainIsToldOnce) {
  for (const bool fails : {false, true}) {
    const auto login = LogIn("ada");
    ASSERT_TRUE(Refresh(login->refresh_token).ok());
    if (fails) store_.failure = absl::UnavailableError("disk full");
    const Origin origin = From("10.0.0.1");
    bool told = false;
    identity_->Refresh(login->refresh_token, origin, [&](const LoginResult& refused) {
      EXPECT_EQ(ReasonOf(refused.status()), "TOKEN_INVALID");
      told = origin.findings->Lock()->told;
    });
    EXPECT_EQ(told, !fails) << "known before the call ends";
  }
}

TEST_F(RefreshTest, AReuseThatTheStoreDidNotTakeIsTakenWithTheNextWrite) {
  const auto login = LogIn("ada");
  const auto next = Refresh(login->refresh_token);
  store_.failure = absl::UnavailableError("disk full");
  EXPECT_EQ(ReasonOf(Refresh(login->refresh_token).status()), "TOKEN_INVALID");
  EXPECT_EQ(ReasonOf(Grant("ada", "viewer").status()), "STORE_UNAVAILABLE") << "not this one";
  EXPECT_TRUE(store_.sessions.contains(login->caller.session_id));
  store_.failure = absl::OkStatus();
  ASSERT_TRUE(Grant("ada", "viewer").ok());
  EXPECT_FALSE(store_.sessions.contains(login->caller.session_id));
  Start();
  EXPECT_EQ(Check(next->access_token), "TOKEN_INVALID");
  EXPECT_EQ(ReasonOf(Refresh(next->refresh_token).status()), "TOKEN_INVALID");
}

TEST_F(LoginTest, AStrangerCannotLockTheOwnerOutOfARestartedSystem) {
  ASSERT_TRUE(LogIn("ada", kPassword, "2001:db8::1").ok());
  Start();
  for (int i = 0; i < 101; ++i)
    (void)LogIn("ada", "wrong", absl::StrCat("10.0.", i / 250, ".", i % 250));
  ASSERT_EQ(ReasonOf(LogIn("ada", kPassword, "elsewhere").status()), "LOGIN_THROTTLED");
  EXPECT_TRUE(LogIn("ada", kPassword, "2001:db8::2").ok());
}

}  // namespace
}  // namespace grpc_os::core
