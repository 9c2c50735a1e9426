#include "core/identity/roles.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "core/identity/role_book.h"
#include "testing/permissions.h"

namespace grpc_os::core {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Rule Allow(std::string permission, std::string prefix = "") {
  return {Effect::kAllow, std::move(permission), std::move(prefix)};
}
Rule Deny(std::string permission, std::string prefix = "") {
  return {Effect::kDeny, std::move(permission), std::move(prefix)};
}
Role Named(std::string name, std::vector<Rule> rules) {
  Role role;
  role.name = std::move(name);
  role.spec.rules = std::move(rules);
  return role;
}
// Of one role with these rules.
RuleSet SetOf(std::vector<Rule> rules) {
  const Role role = Named("one", std::move(rules));
  return RuleSet({&role});
}
// What `wanted` allows beyond it: "" nothing.
std::string Beyond(const RuleSet& has, const std::vector<Rule>& wanted) {
  const auto rule = has.Beyond(wanted);
  return rule ? rule->permission + ":" + rule->prefix : "";
}

TEST(BuiltInRoles, AllowWhatTheySay) {
  const std::vector<std::string> all = {
      "process.read", "process.write", "event.read", "system.read", "system.write",
      "user.read",    "user.write",    "role.write", "audit.read",  "object.read",
      "object.write", "quota.read",    "quota.write"};
  const RoleBook book(BuiltInRoles(testing::Permissions()));
  const auto allowed = [&](const std::vector<std::string>& roles) {
    std::vector<std::string> found;
    for (const std::string& permission : all)
      if (book.Together(roles)->Allows(permission)) found.push_back(permission);
    return found;
  };
  EXPECT_EQ(allowed({"admin"}), all);
  EXPECT_THAT(allowed({"operator"}),
              ElementsAre("process.read", "process.write", "event.read", "system.read",
                          "object.read", "object.write", "quota.read"));
  EXPECT_THAT(allowed({"viewer"}), ElementsAre("process.read", "event.read", "system.read",
                                               "object.read", "quota.read"));
  EXPECT_THAT(allowed({}), IsEmpty());
  EXPECT_FALSE(book.Together({"viewer"})->Allows("*"));
}

TEST(RoleBook, ARoleThatIsNotThereLeavesNothingOfTheOthers) {
  RoleBook book(BuiltInRoles(testing::Permissions()));
  EXPECT_FALSE(book.Together({"admin", "unknown"})->Allows("process.read"));
  book.Put(Named("unknown", {Deny("audit.read")}));
  EXPECT_TRUE(book.Together({"admin", "unknown"})->Allows("process.read"));
  EXPECT_FALSE(book.Together({"admin", "unknown"})->Allows("audit.read"));
  book.Remove("unknown");
  EXPECT_FALSE(book.Together({"admin", "unknown"})->Allows("process.read"));
}

TEST(RoleBook, OfATokenAndItsUserThoseAreInForceThatBothHave) {
  RoleBook book(BuiltInRoles(testing::Permissions()));
  EXPECT_THAT(book.InForce({"viewer"}, {"admin"}), ElementsAre("viewer"));
  EXPECT_THAT(book.InForce({"admin"}, {"viewer"}), ElementsAre("viewer"));
  EXPECT_THAT(book.InForce({"admin"}, {"admin"}), ElementsAre("admin"));
  EXPECT_THAT(book.InForce({"operator"}, {}), IsEmpty());
  EXPECT_THAT(book.InForce({}, {"admin"}), IsEmpty());
  book.Put(Named("config", {Allow(kObjectRead, "/config/")}));
  EXPECT_THAT(book.InForce({"config"}, {"viewer"}), ElementsAre("config"));
  EXPECT_THAT(book.InForce({"viewer"}, {"config"}), ElementsAre("config"));
}

TEST(RoleBook, ListsTheBuiltInOnesFirst) {
  RoleBook book(BuiltInRoles(testing::Permissions()));
  book.Put(Named("zebra", {}));
  book.Put(Named("aardvark", {}));
  std::vector<std::string> names;
  for (const Role& role : book.All()) names.push_back(role.name);
  EXPECT_THAT(names, ElementsAre("admin", "operator", "viewer", "aardvark", "zebra"));
  EXPECT_EQ(book.made(), 2u);
}

TEST(Prefix, CoversANameAndAllBelowItAndNoNeighbour) {
  for (const char* prefix : {"/config", "/config/"}) {
    SCOPED_TRACE(prefix);
    for (const char* name : {"/config", "/config/", "/config/app", "/config/a/b", "/config/a/"})
      EXPECT_TRUE(PrefixCovers(prefix, name)) << name;
    for (const char* name : {"/configuration", "/config.json", "/confi", "/", "/other/config", ""})
      EXPECT_FALSE(PrefixCovers(prefix, name)) << name;
  }
  for (const char* prefix : {"", "/"}) EXPECT_TRUE(PrefixCovers(prefix, "/anything"));
}

TEST(RuleSet, AllowsObjectsByPrefix) {
  const RuleSet set = SetOf({Allow(kObjectRead, "/config/"), Allow(kObjectWrite, "/config/app")});
  EXPECT_TRUE(set.Allows(kObjectRead));
  EXPECT_TRUE(set.Allows(kObjectWrite));
  EXPECT_FALSE(set.Allows("process.read"));
  EXPECT_TRUE(set.AllowsName(kObjectRead, "/config/other"));
  EXPECT_FALSE(set.AllowsName(kObjectWrite, "/config/other"));
  EXPECT_TRUE(set.AllowsName(kObjectWrite, "/config/app/x"));
  EXPECT_FALSE(set.AllowsName(kObjectRead, "/other"));
}

TEST(RuleSet, ADenialWinsWhereverItStands) {
  const std::vector<Rule> rules = {Allow(kObjectRead), Deny(kObjectRead, "/config/secret/"),
                                   Allow(kObjectRead, "/config/secret/open")};
  const RuleSet set = SetOf(rules);
  EXPECT_TRUE(set.AllowsName(kObjectRead, "/config/app"));
  EXPECT_FALSE(set.AllowsName(kObjectRead, "/config/secret"));
  EXPECT_FALSE(set.AllowsName(kObjectRead, "/config/secret/"));
  EXPECT_FALSE(set.AllowsName(kObjectRead, "/config/secret/open"));
  EXPECT_TRUE(set.AllowsName(kObjectRead, "/config/secrets"));
  EXPECT_TRUE(set.Allows(kObjectRead)) << "for some names";
  // Of another role.
  const Role denies = Named("denies", {Deny(kObjectRead, "/config/")});
  const Role admin = BuiltInRoles(testing::Permissions())[0];
  const RuleSet both({&denies, &admin});
  EXPECT_FALSE(both.AllowsName(kObjectRead, "/config/app"));
  EXPECT_TRUE(both.AllowsName(kObjectWrite, "/config/app"));
  EXPECT_TRUE(both.AllowsName(kObjectRead, "/other"));
}

TEST(RuleSet, WhatIsDeniedWhollyIsNoPermission) {
  EXPECT_FALSE(SetOf({Allow("*"), Deny("process.write")}).Allows("process.write"));
  EXPECT_TRUE(SetOf({Allow("*"), Deny("process.write")}).Allows("process.read"));
  EXPECT_FALSE(SetOf({Allow(kObjectRead, "/a"), Deny(kObjectRead, "/")}).Allows(kObjectRead));
  EXPECT_FALSE(SetOf({Allow("*"), Deny("*")}).Allows("process.read"));
  EXPECT_FALSE(SetOf({Allow("*"), Deny("*")}).AllowsName(kObjectRead, "/a"));
}

TEST(RuleSet, NobodyHasMoreThanTheirRulesSay) {
  const RuleSet admin = SetOf({Allow("*")});
  EXPECT_EQ(Beyond(admin, {Allow("*"), Allow(kObjectRead, "/a"), Deny("audit.read")}), "");
  const RuleSet some = SetOf({Allow(kObjectRead, "/config/"), Allow("process.read")});
  EXPECT_EQ(Beyond(some, {Allow(kObjectRead, "/config"), Allow("process.read")}), "");
  EXPECT_EQ(Beyond(some, {Allow(kObjectRead, "/config/app/")}), "");
  EXPECT_EQ(Beyond(some, {Allow(kObjectRead, "/configuration")}), "object.read:/configuration");
  EXPECT_EQ(Beyond(some, {Allow(kObjectRead)}), "object.read:");
  EXPECT_EQ(Beyond(some, {Allow("process.write")}), "process.write:");
  EXPECT_EQ(Beyond(some, {Allow("*")}), "*:");
  EXPECT_EQ(Beyond(some, {Deny("*")}), "") << "what is only denied, anybody may hand out";
}

TEST(RuleSet, WhatIsDeniedIsNotHandedOut) {
  const RuleSet has = SetOf({Allow("*"), Deny(kObjectRead, "/secret/")});
  EXPECT_EQ(Beyond(has, {Allow("*")}), "*:");
  EXPECT_EQ(Beyond(has, {Allow(kObjectRead)}), "object.read:");
  EXPECT_EQ(Beyond(has, {Allow(kObjectRead, "/secret/deep")}), "object.read:/secret/deep");
  EXPECT_EQ(Beyond(has, {Allow(kObjectRead, "/open")}), "");
  EXPECT_EQ(Beyond(has, {Allow("*"), Deny(kObjectRead, "/secret")}), "");
  EXPECT_EQ(Beyond(has, {Allow("*"), Deny(kObjectRead, "/")}), "");
  EXPECT_EQ(Beyond(has, {Allow("*"), Deny(kObjectRead, "/secret/deep")}), "*:");
  EXPECT_EQ(Beyond(has, {Allow("*"), Deny(kObjectWrite, "/secret/")}), "*:");
}

TEST(RuleSet, WhatARoleDeniesDoesNotMakeUpForWhatWasNeverAllowed) {
  const RuleSet some = SetOf({Allow("user.write"), Allow(kObjectRead, "/config/")});
  EXPECT_EQ(Beyond(some, {Allow("*"), Deny("*")}), "*:");
  EXPECT_EQ(Beyond(some, {Allow("process.write"), Deny("process.write")}), "process.write:");
  EXPECT_EQ(Beyond(some, {Allow(kObjectRead), Deny(kObjectRead, "/other")}), "object.read:");
  EXPECT_EQ(Beyond(some, {Allow(kObjectRead, "/config/"), Deny(kObjectRead, "/config/x")}), "");
}

TEST(RuleSet, WhatIsNoLongerDenied) {
  EXPECT_EQ(NoLongerDenied({Allow("*"), Deny("audit.read")}, {Deny("*")}),
            (std::vector<Rule>{Deny("*")}));
  EXPECT_EQ(NoLongerDenied({Deny(kObjectRead, "/a")}, {Allow("*"), Deny(kObjectRead, "/a/b")}),
            (std::vector<Rule>{Allow(kObjectRead, "/a"), Deny(kObjectRead, "/a/b")}));
}

TEST(RuleSet, AllowsABeginningOfNamesIfItAllowsAllThatBeginSo) {
  const RuleSet set =
      SetOf({Allow(kObjectRead, "/a/"), Deny(kObjectRead, "/a/secret"), Allow(kObjectWrite)});
  const auto all = [&](std::string_view beginning) {
    return set.AllowsAllNames(kObjectRead, beginning);
  };
  EXPECT_TRUE(all("/a/b"));
  EXPECT_TRUE(all("/a/b/"));
  EXPECT_TRUE(all("/a/secrets"));
  EXPECT_FALSE(all("/a")) << "/ab";
  EXPECT_FALSE(all("/a/")) << "/a/secret";
  EXPECT_FALSE(all("/a/sec"));
  EXPECT_FALSE(all("/a/secret"));
  EXPECT_FALSE(all("/a/secret/x"));
  EXPECT_FALSE(all("/b"));
  EXPECT_FALSE(all("/"));
  EXPECT_FALSE(all(""));
  for (const char* beginning : {"", "/", "/a", "/a/"})
    EXPECT_TRUE(set.AllowsAllNames(kObjectWrite, beginning)) << beginning;
  EXPECT_TRUE(SetOf({Allow("*")}).AllowsAllNames(kObjectRead, "/"));
  EXPECT_FALSE(SetOf({Allow("*"), Deny("*")}).AllowsAllNames(kObjectRead, "/a"));
  EXPECT_FALSE(SetOf({Allow("*"), Deny(kObjectRead, "/a")}).AllowsAllNames(kObjectRead, ""));
  EXPECT_FALSE(Authority().AllowsAllNames(kObjectRead, "/a"));
}

TEST(RuleSet, TellsHowFarAListMaySkip) {
  const RuleSet set = SetOf({Allow(kObjectRead, "/b/"), Allow(kObjectRead, "/d/e"),
                             Deny(kObjectRead, "/b/secret"), Deny(kObjectRead, "/b/s")});
  // In the order of names, forbidden ones between those that are allowed.
  const std::vector<std::string> names = {
      "/A",     "/a",     "/a/x",        "/b",    "/b-",       "/b/a",         "/b/s",
      "/b/s-t", "/b/s/x", "/b/s/y/z",    "/b/s0", "/b/secret", "/b/secret-x",  "/b/secret/1",
      "/b/z",   "/b0",    "/c/\xf4\x8f", "/d",    "/d/",       "/d/d\xf4\x8f", "/d/e",
      "/d/e-",  "/d/e/f", "/d/f",        "/e"};
  ASSERT_TRUE(std::is_sorted(names.begin(), names.end()));
  for (size_t i = 0; i < names.size(); ++i) {
    if (set.AllowsName(kObjectRead, names[i])) continue;
    const auto end = set.ForbiddenUpTo(kObjectRead, names[i]);
    if (end) {
      EXPECT_GE(*end, names[i]);
    }
    for (size_t j = i + 1; j < names.size(); ++j) {
      if (set.AllowsName(kObjectRead, names[j])) {
        ASSERT_TRUE(end.has_value()) << names[i];
        EXPECT_LT(*end, names[j]) << names[i];
      }
    }
  }
  // It does skip.
  EXPECT_GT(*set.ForbiddenUpTo(kObjectRead, "/a"), "/a/x");
  EXPECT_GT(*set.ForbiddenUpTo(kObjectRead, "/b/secret/1"), "/b/secret/\xf4\x8f");
  EXPECT_FALSE(set.ForbiddenUpTo(kObjectRead, "/d/f").has_value());
  EXPECT_FALSE(set.ForbiddenUpTo(kObjectWrite, "/a").has_value());
  EXPECT_EQ(SetOf({Allow("*"), Deny(kObjectRead, "/a")}).ForbiddenUpTo(kObjectRead, "/a"), "/a");
  EXPECT_FALSE(SetOf({Allow("*"), Deny("*")}).ForbiddenUpTo(kObjectRead, "/a").has_value());
  const Authority both({std::make_shared<RuleSet>(SetOf({Allow(kObjectRead, "/b/")})),
                        std::make_shared<RuleSet>(SetOf({Allow(kObjectRead, "/c/")}))});
  EXPECT_GT(*both.ForbiddenUpTo(kObjectRead, "/a"), "/b/x");
  EXPECT_FALSE(both.ForbiddenUpTo(kObjectRead, "/d").has_value());
  EXPECT_FALSE(Authority().ForbiddenUpTo(kObjectRead, "/a").has_value());
}

TEST(Authority, IsWhatEachOfItsSetsAllows) {
  const auto one = std::make_shared<RuleSet>(SetOf({Allow("*"), Deny(kObjectRead, "/a/b")}));
  const auto other = std::make_shared<RuleSet>(SetOf({Allow(kObjectRead, "/a/")}));
  const Authority both({one, other});
  EXPECT_TRUE(both.Allows(kObjectRead));
  EXPECT_FALSE(both.Allows("process.read"));
  EXPECT_TRUE(both.AllowsName(kObjectRead, "/a/c"));
  EXPECT_FALSE(both.AllowsName(kObjectRead, "/a/b"));
  EXPECT_FALSE(both.AllowsName(kObjectRead, "/c"));
  EXPECT_TRUE(both.Beyond({Allow(kObjectRead, "/a/")}).has_value());
  EXPECT_FALSE(both.Beyond({Allow(kObjectRead, "/a/c")}).has_value());
  EXPECT_FALSE(Authority().Allows("process.read"));
  EXPECT_FALSE(Authority().AllowsName(kObjectRead, "/a"));
  EXPECT_TRUE(Authority().Beyond({Allow("process.read")}).has_value());
}

}  // namespace
}  // namespace grpc_os::core
