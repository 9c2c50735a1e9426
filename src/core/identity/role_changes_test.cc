#include "core/identity/identity_harness.h"
#include "core/identity/user_grammar.h"

namespace grpc_os::core {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Rule Allow(std::string permission, std::string prefix = "") {
  return {Effect::kAllow, std::move(permission), std::move(prefix)};
}
Rule Deny(std::string permission, std::string prefix = "") {
  return {Effect::kDeny, std::move(permission), std::move(prefix)};
}

class RoleChangesTest : public IdentityTest {
 protected:
  using RoleResult = absl::StatusOr<Role>;
  static Identity::RoleDone IntoRole(RoleResult& out) {
    return [&out](RoleResult result) { out = std::move(result); };
  }
  static Role Wanted(const std::string& name, std::vector<Rule> rules) {
    Role wanted;
    wanted.name = name;
    wanted.spec = {.description = "for " + name, .rules = std::move(rules)};
    return wanted;
  }
  RoleResult Make(const std::string& name, std::vector<Rule> rules, const Origin& origin) {
    RoleResult out = none_;
    identity_->CreateRole(Wanted(name, std::move(rules)), origin, IntoRole(out));
    return out;
  }
  RoleResult Make(const std::string& name, std::vector<Rule> rules) {
    return Make(name, std::move(rules), From("unix"));
  }
  RoleResult Change(const std::string& name, std::vector<Rule> rules, const Origin& origin,
                    const std::string& etag = "") {
    RoleResult out = none_;
    identity_->UpdateRole(Wanted(name, std::move(rules)), etag, origin, IntoRole(out));
    return out;
  }
  RoleResult Change(const std::string& name, std::vector<Rule> rules) {
    return Change(name, std::move(rules), From("unix"));
  }
  absl::Status DeleteRole(const std::string& name, const std::string& etag = "") {
    absl::Status out = none_;
    identity_->DeleteRole(name, etag, From("unix"), Into(out));
    return out;
  }
  Origin By(const Caller& caller) const {
    Origin origin = From("10.0.0.1");
    origin.record.session_id = caller.session_id;
    return origin;
  }
  bool MayRead(const std::string& token, const std::string& name) {
    const auto caller = identity_->Authenticate(token);
    return caller.ok() && (*caller)->authority.AllowsName(kObjectRead, name);
  }
};

TEST_F(RoleChangesTest, ARoleIsMadeWithItsEventAndRecord) {
  const std::vector<Rule> rules = {Allow(kObjectRead, "/config/"), Deny("audit.read")};
  ASSERT_TRUE(Make("reader", rules).ok());
  const auto role = identity_->FindRole("reader");
  ASSERT_TRUE(role.ok()) << role.status();
  EXPECT_EQ(role->spec, (RoleSpec{.description = "for reader", .rules = rules}));
  EXPECT_FALSE(IsBuiltIn(*role));
  EXPECT_TRUE(store_.resources.rows.contains({"role", "reader"}));
  ASSERT_THAT(store_.events, SizeIs(1));
  EXPECT_EQ(store_.events[0].kind, "role");
  EXPECT_EQ(store_.events[0].resource_id, "reader");
  EXPECT_EQ(store_.events[0].action, "created");
  EXPECT_THAT(store_.audit, SizeIs(1));
  Start();
  EXPECT_EQ(identity_->FindRole("reader").value(), *role) << "after a restart";
}

TEST_F(RoleChangesTest, RefusalsNameTheirReasonAndChangeNothing) {
  ASSERT_TRUE(Make("reader", {}).ok());
  const auto roles = store_.resources.rows;
  store_.events.clear();
  EXPECT_EQ(ReasonOf(Make("reader", {}).status()), "ROLE_EXISTS");
  EXPECT_EQ(ReasonOf(Make("viewer", {}).status()), "ROLE_EXISTS");
  EXPECT_EQ(ReasonOf(Change("nothing", {}).status()), "ROLE_NOT_FOUND");
  EXPECT_EQ(ReasonOf(Change("viewer", {}).status()), "ROLE_BUILT_IN");
  EXPECT_EQ(ReasonOf(DeleteRole("nothing")), "ROLE_NOT_FOUND");
  EXPECT_EQ(ReasonOf(DeleteRole("admin")), "ROLE_BUILT_IN");
  EXPECT_EQ(ReasonOf(Change("reader", {}, From("unix"), "another etag").status()), "ETAG_MISMATCH");
  EXPECT_EQ(ReasonOf(DeleteRole("reader", "another etag")), "ETAG_MISMATCH");
  EXPECT_EQ(store_.resources.rows, roles);
  EXPECT_THAT(store_.events, IsEmpty());
}

TEST_F(RoleChangesTest, AChangeHasItsEtagAndIsToldOnce) {
  const auto made = Make("reader", {});
  const auto changed =
      Change("reader", {Allow("process.read")}, From("unix"), Identity::EtagOf(*made));
  ASSERT_TRUE(changed.ok());
  EXPECT_NE(Identity::EtagOf(*changed), Identity::EtagOf(*made));
  store_.events.clear();
  EXPECT_EQ(*Change("reader", {Allow("process.read")}), *changed) << "it is so already";
  EXPECT_THAT(store_.events, IsEmpty());
  EXPECT_THAT(store_.audit, SizeIs(3));
}

TEST_F(RoleChangesTest, ThereAreNoMoreThanTheLimit) {
  for (int i = 0; i < limits::kCustomRoles; ++i)
    ASSERT_TRUE(Make("role" + std::to_string(i), {}).ok());
  EXPECT_EQ(ReasonOf(Make("one-more", {}).status()), "LIMIT_REACHED");
  ASSERT_TRUE(DeleteRole("role0").ok());
  EXPECT_TRUE(Make("one-more", {}).ok());
}

TEST_F(RoleChangesTest, AChangedRoleHoldsForSessionsAndTokensThatAreOpen) {
  ASSERT_TRUE(Make("reader", {Allow(kObjectRead, "/config/")}).ok());
  ASSERT_TRUE(Revoke("ada", "operator").ok());
  ASSERT_TRUE(Grant("ada", "reader").ok());
  const auto login = LogIn("ada");
  const auto token = MakeToken(login->caller);
  for (const std::string& one : {login->access_token, token->token}) {
    EXPECT_TRUE(MayRead(one, "/config/app"));
    EXPECT_FALSE(MayRead(one, "/other"));
  }
  const auto stream = [&] { return identity_->Current(login->caller.session_id); };
  EXPECT_TRUE(Allows(*stream(), kObjectRead));
  ASSERT_TRUE(Change("reader", {Allow(kObjectRead, "/other/")}).ok());
  for (const std::string& one : {login->access_token, token->token}) {
    EXPECT_FALSE(MayRead(one, "/config/app"));
    EXPECT_TRUE(MayRead(one, "/other"));
  }
  EXPECT_FALSE(stream()->authority.AllowsName(kObjectRead, "/config/app"));
  ASSERT_TRUE(Change("reader", {Allow("process.read")}).ok());
  EXPECT_FALSE(Allows(*stream(), kObjectRead));
  EXPECT_FALSE(Allows(**identity_->Authenticate(token->token), kObjectRead));
}

TEST_F(RoleChangesTest, WhatIsNotCommittedDoesNotHold) {
  ASSERT_TRUE(Make("reader", {Allow(kObjectRead, "/config/")}).ok());
  ASSERT_TRUE(Revoke("ada", "operator").ok());
  ASSERT_TRUE(Grant("ada", "reader").ok());
  const auto login = LogIn("ada");
  store_.failure = absl::UnavailableError("disk full");
  EXPECT_EQ(ReasonOf(Change("reader", {}).status()), "STORE_UNAVAILABLE");
  store_.failure = absl::OkStatus();
  EXPECT_TRUE(MayRead(login->access_token, "/config/app"));
  store_.hold = true;
  RoleResult changed = none_;
  identity_->UpdateRole(Wanted("reader", {}), "", From("unix"), IntoRole(changed));
  EXPECT_TRUE(MayRead(login->access_token, "/config/app"));
  store_.ReleaseAll();
  ASSERT_TRUE(changed.ok());
  EXPECT_FALSE(MayRead(login->access_token, "/config/app"));
}

TEST_F(RoleChangesTest, AUserDeniedByOneRoleIsDeniedWhateverTheOthersAllow) {
  ASSERT_TRUE(Make("no-secrets", {Deny(kObjectRead, "/config/secret/")}).ok());
  const auto login = LogIn("ada");
  EXPECT_TRUE(MayRead(login->access_token, "/config/secret/key"));
  ASSERT_TRUE(Grant("ada", "no-secrets").ok());
  EXPECT_FALSE(MayRead(login->access_token, "/config/secret/key"));
  EXPECT_TRUE(MayRead(login->access_token, "/config/app"));
  // Its token of the other role alone is not free of it.
  const auto token = MakeToken(login->caller, {"operator"});
  ASSERT_TRUE(token.ok());
  EXPECT_FALSE(MayRead(token->token, "/config/secret/key"));
  EXPECT_TRUE(MayRead(token->token, "/config/app"));
}

TEST_F(RoleChangesTest, ATokenDoesWhatBothItsRolesAndItsUsersAllow) {
  ASSERT_TRUE(Make("config", {Allow(kObjectRead, "/config/")}).ok());
  ASSERT_TRUE(Make("app", {Allow(kObjectRead, "/config/app/"), Allow(kObjectRead, "/app/")}).ok());
  ASSERT_TRUE(Revoke("ada", "operator").ok());
  ASSERT_TRUE(Grant("ada", "config").ok());
  ASSERT_TRUE(Grant("ada", "app").ok());
  const auto token = MakeToken(LogIn("ada")->caller, {"app"});
  EXPECT_TRUE(MayRead(token->token, "/app/x"));
  EXPECT_FALSE(MayRead(token->token, "/config/x"));
  ASSERT_TRUE(Revoke("ada", "app").ok());
  EXPECT_FALSE(MayRead(token->token, "/app/x")) << "its user may not any more";
  EXPECT_TRUE(MayRead(token->token, "/config/app/x")) << "its user may by another role";
}

TEST_F(RoleChangesTest, ATokenOfARoleThatTheUserDoesNotHaveIsRefused) {
  ASSERT_TRUE(Make("config", {Allow(kObjectRead, "/config/")}).ok());
  ASSERT_TRUE(Make("app", {Allow(kObjectRead, "/app/")}).ok());
  ASSERT_TRUE(Revoke("ada", "operator").ok());
  ASSERT_TRUE(Grant("ada", "config").ok());
  EXPECT_EQ(ReasonOf(MakeToken(LogIn("ada")->caller, {"app"}).status()), "PERMISSION_MISSING");
  EXPECT_EQ(ReasonOf(MakeToken(LogIn("ada")->caller, {"viewer"}).status()), "PERMISSION_MISSING");
}

TEST_F(RoleChangesTest, ARoleThatAUserOrATokenHasStays) {
  ASSERT_TRUE(Make("reader", {Allow(kObjectRead, "/config/")}).ok());
  ASSERT_TRUE(Grant("ada", "reader").ok());
  const absl::Status by_user = DeleteRole("reader");
  EXPECT_EQ(ReasonOf(by_user), "ROLE_IN_USE");
  EXPECT_THAT(by_user.message(), HasSubstr("'ada'"));
  const auto token = MakeToken(LogIn("ada")->caller, {"reader"});
  ASSERT_TRUE(Revoke("ada", "reader").ok());
  const absl::Status by_token = DeleteRole("reader");
  EXPECT_EQ(ReasonOf(by_token), "ROLE_IN_USE");
  EXPECT_THAT(by_token.message(), HasSubstr(token->session.id));
  ASSERT_TRUE(End(LogInPeer(0)->caller, token->session.id).ok());
  EXPECT_TRUE(DeleteRole("reader").ok());
  EXPECT_FALSE(identity_->FindRole("reader").ok());
  EXPECT_FALSE(store_.resources.rows.contains({"role", "reader"}));
}

TEST_F(RoleChangesTest, ATokenThatIsBeingMadeHoldsItsRole) {
  ASSERT_TRUE(Make("reader", {Allow(kObjectRead, "/config/")}).ok());
  const auto login = LogIn("ada");
  store_.hold = true;
  std::string made, removed;
  identity_->CreateToken(login->caller, {.label = "", .ttl_ms = 60'000, .roles = {"reader"}},
                         From("unix"), [&](const auto& token) { made = ReasonOf(token.status()); });
  identity_->DeleteRole("reader", "", From("unix"),
                        [&](const absl::Status& status) { removed = ReasonOf(status); });
  EXPECT_EQ(removed, "ROLE_IN_USE");
  store_.ReleaseAll();
  EXPECT_EQ(made, "OK");
  EXPECT_EQ(ReasonOf(DeleteRole("reader")), "ROLE_IN_USE");
}

TEST_F(RoleChangesTest, NoTokenIsMadeOfARoleThatIsBeingRemoved) {
  ASSERT_TRUE(Make("reader", {Allow(kObjectRead, "/config/")}).ok());
  const auto login = LogIn("ada");
  store_.hold = true;
  std::string made, removed;
  identity_->DeleteRole("reader", "", From("unix"),
                        [&](const absl::Status& status) { removed = ReasonOf(status); });
  identity_->CreateToken(login->caller, {.label = "", .ttl_ms = 60'000, .roles = {"reader"}},
                         From("unix"), [&](const auto& token) { made = ReasonOf(token.status()); });
  store_.ReleaseAll();
  EXPECT_EQ(made, "ROLE_NOT_FOUND");
  EXPECT_EQ(removed, "OK");
}

TEST_F(RoleChangesTest, TheFirstAdminHasOnlyRolesThatDenyNothing) {
  ASSERT_TRUE(Make("reader", {Allow(kObjectRead)}).ok());
  EXPECT_EQ(ReasonOf(Grant(kAdminUser, "reader").status()), "LAST_ADMIN");
  EXPECT_TRUE(Grant(kAdminUser, "viewer").ok());
}

// Users who may change users and roles, and little else.
class SmallAdminTest : public RoleChangesTest {
 protected:
  void SetUp() override {
    RoleChangesTest::SetUp();
    ASSERT_TRUE(
        Make("keeper", {Allow("user.write"), Allow("role.write"), Allow("user.read"),
                        Allow(kObjectRead, "/config/"), Deny(kObjectRead, "/config/secret/")})
            .ok());
    ASSERT_TRUE(Make("modest", {Allow(kObjectRead, "/config/app/")}).ok());
    ASSERT_TRUE(Create("eve", {"keeper"}).ok());
    eve_ = LogIn("eve")->caller;
  }
  std::string GrantAsEve(const std::string& user, const std::string& role) {
    UserResult out = none_;
    identity_->GrantRole(user, role, "", By(eve_), Into(out));
    return ReasonOf(out.status());
  }
  std::string CreateAsEve(const std::string& user, std::vector<std::string> roles) {
    UserResult out = none_;
    identity_->CreateUser(user, std::move(roles), kPassword, By(eve_), Into(out));
    return ReasonOf(out.status());
  }
  std::string SetPasswordAsEve(const std::string& user) {
    UserResult out = none_;
    identity_->SetPassword(eve_, user, "a password by eve", "", By(eve_), Into(out));
    return ReasonOf(out.status());
  }
  Caller eve_;
};

TEST_F(SmallAdminTest, GrantsNoMoreThanItHas) {
  EXPECT_EQ(GrantAsEve("eve", "admin"), "PERMISSION_MISSING");
  EXPECT_EQ(GrantAsEve("ada", "viewer"), "PERMISSION_MISSING");
  EXPECT_EQ(GrantAsEve("ada", "modest"), "OK");
  EXPECT_EQ(GrantAsEve("ada", "keeper"), "OK");
  EXPECT_EQ(CreateAsEve("bob", {"admin"}), "PERMISSION_MISSING");
  EXPECT_FALSE(store_.users.contains("bob"));
  EXPECT_EQ(CreateAsEve("bob", {"modest"}), "OK");
}

TEST_F(SmallAdminTest, MakesNoRoleOfMoreThanItHas) {
  EXPECT_EQ(ReasonOf(Make("big", {Allow("*")}, By(eve_)).status()), "PERMISSION_MISSING");
  EXPECT_EQ(ReasonOf(Make("big", {Allow(kObjectRead, "/config/")}, By(eve_)).status()),
            "PERMISSION_MISSING");
  EXPECT_EQ(ReasonOf(Make("big", {Allow(kObjectRead, "/config/secret/x")}, By(eve_)).status()),
            "PERMISSION_MISSING");
  EXPECT_EQ(ReasonOf(Make("small", {Allow(kObjectRead, "/config/app/")}, By(eve_)).status()), "OK");
  EXPECT_EQ(ReasonOf(Change("small", {Allow("*")}, By(eve_)).status()), "PERMISSION_MISSING");
  EXPECT_EQ(ReasonOf(Change("modest", {Allow(kObjectRead, "/config/b")}, By(eve_)).status()), "OK");
}

TEST_F(SmallAdminTest, FreesNobodyOfWhatItIsDenied) {
  ASSERT_TRUE(Make("no-secrets", {Deny(kObjectRead, "/config/secret/")}).ok());
  ASSERT_TRUE(Grant("eve", "no-secrets").ok());
  UserResult revoked = none_;
  identity_->RevokeRole("eve", "no-secrets", "", By(eve_), Into(revoked));
  EXPECT_EQ(ReasonOf(revoked.status()), "PERMISSION_MISSING");
  EXPECT_EQ(ReasonOf(Change("no-secrets", {}, By(eve_)).status()), "PERMISSION_MISSING");
  EXPECT_EQ(
      ReasonOf(Change("no-secrets", {Deny(kObjectRead, "/config/secret/x")}, By(eve_)).status()),
      "PERMISSION_MISSING");
  EXPECT_EQ(ReasonOf(Change("no-secrets", {Deny(kObjectRead, "/config/")}, By(eve_)).status()),
            "OK");
  EXPECT_TRUE(Revoke("eve", "no-secrets").ok()) << "an admin may";
}

TEST_F(SmallAdminTest, SetsNoPasswordOfOneWhoMayDoMore) {
  EXPECT_EQ(SetPasswordAsEve(kAdminUser), "PERMISSION_MISSING");
  EXPECT_EQ(SetPasswordAsEve("ada"), "PERMISSION_MISSING");
  ASSERT_TRUE(Revoke("ada", "operator").ok());
  ASSERT_TRUE(Grant("ada", "modest").ok());
  EXPECT_EQ(SetPasswordAsEve("ada"), "OK");
}

// Who sets it is that user once the denial is lifted, whoever lifts it.
TEST_F(SmallAdminTest, SetsNoPasswordOfOneWhoseRolesAllowMoreThoughOthersDenyIt) {
  ASSERT_EQ(ReasonOf(Make("nothing", {Deny("*")}, By(eve_)).status()), "OK");
  ASSERT_EQ(GrantAsEve("ada", "nothing"), "OK");
  EXPECT_EQ(SetPasswordAsEve("ada"), "PERMISSION_MISSING");
  ASSERT_TRUE(Make("shut", {Allow("process.write"), Deny("process.write")}).ok());
  ASSERT_TRUE(Create("bob", {"shut"}).ok());
  EXPECT_EQ(SetPasswordAsEve("bob"), "PERMISSION_MISSING");
}

TEST_F(SmallAdminTest, MakesAndGrantsNoRoleThatAllowsMoreBehindADenial) {
  EXPECT_EQ(ReasonOf(Make("shut", {Allow("*"), Deny("*")}, By(eve_)).status()),
            "PERMISSION_MISSING");
  EXPECT_EQ(ReasonOf(Change("modest", {Allow("*"), Deny("*")}, By(eve_)).status()),
            "PERMISSION_MISSING");
  ASSERT_TRUE(Make("shut", {Allow("process.write"), Deny("process.write")}).ok());
  EXPECT_EQ(GrantAsEve("eve", "shut"), "PERMISSION_MISSING");
  EXPECT_EQ(CreateAsEve("bob", {"shut"}), "PERMISSION_MISSING");
  EXPECT_EQ(ReasonOf(MakeToken(eve_, {"shut"}).status()), "PERMISSION_MISSING");
}

TEST_F(SmallAdminTest, PassesOnItsOwnDenials) {
  const std::vector<Rule> rules = {Allow(kObjectRead, "/config/"),
                                   Deny(kObjectRead, "/config/secret/")};
  EXPECT_EQ(ReasonOf(Make("like-eve", rules, By(eve_)).status()), "OK");
  EXPECT_EQ(GrantAsEve("ada", "like-eve"), "OK");
  EXPECT_EQ(ReasonOf(Change("like-eve", {Deny(kObjectRead, "/config/")}, By(eve_)).status()), "OK");
}

TEST_F(SmallAdminTest, EnablesNobodyWhoMayDoMore) {
  const auto switch_ada = [&](bool disabled) {
    UserResult out = none_;
    identity_->SetDisabled("ada", "", disabled, By(eve_), Into(out));
    return ReasonOf(out.status());
  };
  EXPECT_EQ(switch_ada(true), "OK");
  EXPECT_EQ(switch_ada(false), "PERMISSION_MISSING");
  ASSERT_TRUE(Revoke("ada", "operator").ok());
  EXPECT_EQ(switch_ada(false), "OK");
}

TEST_F(SmallAdminTest, ATokenThatMaySetPasswordsDoesNotBecomeAnOwnerWhoMayDoMore) {
  ASSERT_TRUE(Make("porter", {Allow("user.write")}).ok());
  const auto admin = LogInPeer(0);
  ASSERT_TRUE(Grant(kAdminUser, "operator").ok());
  const auto narrow = MakeToken(admin->caller, {"porter"});
  ASSERT_TRUE(narrow.ok()) << narrow.status();
  const Caller porter = **identity_->Authenticate(narrow->token);
  EXPECT_EQ(ReasonOf(SetPassword(porter, "", "a password by a token").status()),
            "PERMISSION_MISSING");
  EXPECT_EQ(ReasonOf(SetPassword(porter, "ada", "a password by a token").status()),
            "PERMISSION_MISSING");
  const auto wide = MakeToken(admin->caller, {"admin", "operator"});
  ASSERT_TRUE(wide.ok()) << wide.status();
  const Caller all = **identity_->Authenticate(wide->token);
  EXPECT_EQ(ReasonOf(SetPassword(all, "", "a password by a token").status()), "OK");
}

TEST_F(RoleChangesTest, WhoAsksAgainIsToldOnlyWhatMayHaveChanged) {
  ASSERT_TRUE(Make("reader", {Allow(kObjectRead, "/a")}).ok());
  ASSERT_TRUE(Create("bob", {"reader"}).ok());
  const auto bob = LogIn("bob");
  uint64_t version = 0;
  const auto now = [&] { return identity_->AuthoritySince(bob->caller.session_id, version); };
  auto first = now();
  ASSERT_TRUE(first.has_value());
  EXPECT_TRUE(first->AllowsName(kObjectRead, "/a"));
  EXPECT_FALSE(now().has_value());
  ASSERT_TRUE(Change("reader", {Allow(kObjectRead, "/b")}).ok());
  const auto changed = now();
  ASSERT_TRUE(changed.has_value());
  EXPECT_FALSE(changed->AllowsName(kObjectRead, "/a"));
  ASSERT_TRUE(Revoke("bob", "reader").ok());
  EXPECT_FALSE(now()->AllowsName(kObjectRead, "/b"));
  ASSERT_TRUE(Grant("bob", "reader").ok());
  EXPECT_TRUE(now()->AllowsName(kObjectRead, "/b"));
  ASSERT_TRUE(Logout(bob->caller).ok());
  const auto ended = now();
  ASSERT_TRUE(ended.has_value());
  EXPECT_FALSE(ended->Allows(kObjectRead));
}

TEST_F(SmallAdminTest, MayNoMoreOnceItsRoleSaysSo) {
  ASSERT_TRUE(Change("keeper", {Allow("user.read")}).ok());
  EXPECT_EQ(GrantAsEve("ada", "modest"), "PERMISSION_MISSING");
  EXPECT_EQ(ReasonOf(Make("small", {}, By(eve_)).status()), "PERMISSION_MISSING");
}

// What is wrong with a role, field by field.
std::string Wrong(const RoleSpec& role) {
  Violations violations;
  CheckRole(role, testing::Permissions(), "role", violations);
  const auto detail = DetailOf(violations.ToStatus());
  std::string fields;
  if (!detail) return fields;
  for (const auto& one : detail->violations) fields += one.field + " ";
  return fields;
}

TEST(RoleGrammar, KnowsWhatARuleMayBe) {
  for (const Rule& good : {Allow("*"), Allow("process.read"), Deny("object.read", "/config/"),
                           Allow("object.write", "/a b/c"), Allow("object.read", "/")})
    EXPECT_EQ(Wrong({.rules = {good}}), "") << good.permission << good.prefix;
  EXPECT_EQ(Wrong({.rules = {Allow("object.red")}}), "role.rules[0].permission ");
  EXPECT_EQ(Wrong({.rules = {Allow("")}}), "role.rules[0].permission ");
  EXPECT_EQ(Wrong({.rules = {Allow("process.read"), Allow("process.read", "/a")}}),
            "role.rules[1].prefix ");
  for (const char* bad : {"config/", "/a//b", "/a/../b", "/a\nb", "//"})
    EXPECT_EQ(Wrong({.rules = {Allow("object.read", bad)}}), "role.rules[0].prefix ") << bad;
  EXPECT_EQ(Wrong({.rules = {Allow("*", "/config/")}}), "role.rules[0].prefix ");
  EXPECT_EQ(Wrong({.description = "a\nb"}), "role.description ");
  EXPECT_EQ(Wrong({.description = std::string(limits::kRoleDescriptionBytes + 1, 'a')}),
            "role.description ");
  EXPECT_EQ(Wrong({.rules = std::vector<Rule>(limits::kRoleRules, Allow("*"))}), "");
  EXPECT_EQ(Wrong({.rules = std::vector<Rule>(limits::kRoleRules + 1, Allow("*"))}), "role.rules ");
}

}  // namespace
}  // namespace grpc_os::core
