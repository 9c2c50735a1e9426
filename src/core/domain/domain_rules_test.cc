#include "core/domain/domain_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/limits.h"

namespace grpc_os::core {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

class DomainRulesTest : public ::testing::Test {
 protected:
  DomainRulesTest() { spec_.routes = {{.path = "/", .targets = {{"web", 8080}}}}; }
  // What is wrong, by the fields.
  std::map<std::string, std::string> Wrong() const {
    Violations violations;
    CheckDomainSpec(
        spec_, "spec", [](int port) { return port == 8880 ? "the edge itself" : ""; }, violations);
    std::map<std::string, std::string> wrong;
    const auto detail = DetailOf(violations.ToStatus());
    if (!detail) return wrong;
    for (const FieldViolation& one : detail->violations) wrong[one.field] = one.description;
    return wrong;
  }
  std::vector<std::string> WrongFields() const {
    std::vector<std::string> fields;
    for (const auto& [field, words] : Wrong()) fields.push_back(field);
    return fields;
  }

  DomainSpec spec_;
};

TEST_F(DomainRulesTest, WhatIsWithinItsLimitsIsRight) {
  EXPECT_THAT(Wrong(), IsEmpty());
  spec_.hold_ms = spec_.drain_ms = 0;
  spec_.read_timeout_ms = limits::kDomainReadTimeoutMinMs;
  spec_.max_body_bytes = 1;
  EXPECT_THAT(Wrong(), IsEmpty());
  spec_.hold_ms = limits::kDomainHoldMaxMs;
  spec_.drain_ms = limits::kDomainDrainMaxMs;
  spec_.read_timeout_ms = limits::kDomainReadTimeoutMaxMs;
  spec_.max_body_bytes = limits::kDomainBodyBytesMax;
  spec_.routes[0].targets = {{"web", 0, 1}, {"web", 1, 100}, {"proc_01", 65'535, 50}};
  EXPECT_THAT(Wrong(), IsEmpty());
}

TEST_F(DomainRulesTest, TheApiHasACertificateAndNoRoutesAndAllElseTheReverse) {
  spec_.certificate.chain = "a chain";
  EXPECT_THAT(WrongFields(), ElementsAre("spec.certificate"));
  spec_.api = true;
  EXPECT_THAT(WrongFields(), ElementsAre("spec.api"));
  spec_.routes.clear();
  EXPECT_THAT(Wrong(), IsEmpty());
  spec_.grpc = true;
  EXPECT_THAT(WrongFields(), ElementsAre("spec.api"));
}

TEST_F(DomainRulesTest, AllThatIsOutsideIsNamedAtOnce) {
  spec_.hold_ms = limits::kDomainHoldMaxMs + 1;
  spec_.drain_ms = limits::kDomainDrainMaxMs + 1;
  spec_.read_timeout_ms = limits::kDomainReadTimeoutMinMs - 1;
  spec_.max_body_bytes = limits::kDomainBodyBytesMax + 1;
  EXPECT_THAT(WrongFields(),
              ElementsAre("spec.drain", "spec.hold", "spec.max_body_bytes", "spec.read_timeout"));
  spec_.hold_ms = spec_.drain_ms = spec_.read_timeout_ms = spec_.max_body_bytes = -1;
  EXPECT_THAT(WrongFields(),
              ElementsAre("spec.drain", "spec.hold", "spec.max_body_bytes", "spec.read_timeout"));
}

TEST_F(DomainRulesTest, EachFieldOfEachTargetIsLookedAt) {
  spec_.routes = {{.path = "/", .targets = {{"web", 8080}}},
                  {.path = "api", .targets = {{"web", 65'536, 101}, {"", -1, 0}, {"a b", 8880}}}};
  EXPECT_THAT(WrongFields(),
              ElementsAre("spec.routes[1].path", "spec.routes[1].targets[0].port",
                          "spec.routes[1].targets[0].weight", "spec.routes[1].targets[1].port",
                          "spec.routes[1].targets[1].process", "spec.routes[1].targets[1].weight",
                          "spec.routes[1].targets[2].port", "spec.routes[1].targets[2].process"));
}

TEST_F(DomainRulesTest, APortOnWhichGrpcOsListensIsNamedWithWhatListens) {
  spec_.routes[0].targets[0].port = 8880;
  EXPECT_THAT(Wrong(), ElementsAre(Pair("spec.routes[0].targets[0].port",
                                        "on 8880 listens the edge itself; give the port that the "
                                        "process listens on")));
}

TEST_F(DomainRulesTest, RoutesAndTargetsAreCountedAndPathsAreDifferent) {
  spec_.routes.clear();
  EXPECT_THAT(WrongFields(), ElementsAre("spec.routes"));
  for (int i = 0; i < limits::kRoutesPerDomain; ++i)
    spec_.routes.push_back({.path = absl::StrCat("/", i), .targets = {{"web", 8080}}});
  EXPECT_THAT(Wrong(), IsEmpty());
  spec_.routes.push_back({.path = "/more", .targets = {{"web", 8080}}});
  EXPECT_THAT(WrongFields(), ElementsAre("spec.routes"));
  spec_.routes.resize(2);
  spec_.routes[1].path = "/0";
  spec_.routes[0].targets.clear();
  EXPECT_THAT(Wrong(), ElementsAre(Pair("spec.routes[0].targets", "give 1 to 16 targets"),
                                   Pair("spec.routes[1].path", "there are two routes '/0'")));
  spec_.routes.resize(1);
  spec_.routes[0].targets.assign(limits::kTargetsPerRoute, {"web", 8080});
  EXPECT_THAT(Wrong(), IsEmpty());
  spec_.routes[0].targets.emplace_back() = {"web", 8081};
  EXPECT_THAT(WrongFields(), ElementsAre("spec.routes[0].targets"));
}

}  // namespace
}  // namespace grpc_os::core
