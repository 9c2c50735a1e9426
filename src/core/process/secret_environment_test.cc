#include "core/process/secret_environment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error_detail.h"
#include "base/limits.h"
#include "core/error_reason.h"

namespace grpc_os::core {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;

using Variables = std::map<std::string, std::string>;
using Names = std::set<std::string>;

class SecretEnvironmentTest : public ::testing::Test {
 protected:
  SecretEnvironmentTest() {
    spec_.command = "sleep 1";
    spec_.environment = {{"PASSWORD", "hunter2"}, {"PORT", "80"}};
    spec_.secrets = {"PASSWORD"};
  }
  // The field that is wrong; "" if nothing is.
  std::string Change(const EnvironmentChange& change) {
    const ProcessSpec before = spec_;
    const absl::Status status = ChangeEnvironment(change, "process.spec", spec_);
    if (status.ok()) return "";
    EXPECT_EQ(spec_, before) << "a refused change changes nothing";
    EXPECT_THAT(std::string(status.message()), Not(HasSubstr("hunter2")));
    const auto detail = DetailOf(status);
    EXPECT_EQ(detail->reason, reason::kFieldInvalid);
    return detail->violations.front().field;
  }

  ProcessSpec spec_;
};

TEST_F(SecretEnvironmentTest, ValuesOfSecretsAreNotShown) {
  EXPECT_THAT(ShownEnvironment(spec_), ElementsAre(Pair("PASSWORD", ""), Pair("PORT", "80")));
}

TEST_F(SecretEnvironmentTest, AnEmptyValueKeepsTheSecret) {
  EXPECT_EQ(Change({.environment = Variables{{"PASSWORD", ""}, {"PORT", ""}}}), "");
  EXPECT_THAT(spec_.environment, ElementsAre(Pair("PASSWORD", "hunter2"), Pair("PORT", "")));
  EXPECT_THAT(spec_.secrets, ElementsAre("PASSWORD"));
}

TEST_F(SecretEnvironmentTest, AnotherValueReplacesIt) {
  EXPECT_EQ(Change({.environment = Variables{{"PASSWORD", "other"}}}), "");
  EXPECT_THAT(spec_.environment, ElementsAre(Pair("PASSWORD", "other")));
  EXPECT_THAT(spec_.secrets, ElementsAre("PASSWORD"));
}

TEST_F(SecretEnvironmentTest, AVariableThatGoesIsNoSecretAnyMore) {
  EXPECT_EQ(Change({.environment = Variables{{"PORT", "80"}}}), "");
  EXPECT_THAT(spec_.secrets, IsEmpty());
  EXPECT_EQ(Change({.environment = Variables{{"PASSWORD", ""}}}), "");
  EXPECT_THAT(spec_.environment, ElementsAre(Pair("PASSWORD", ""))) << "nothing is left of it";
}

TEST_F(SecretEnvironmentTest, NoSecretIsRevealed) {
  const std::string field = "process.spec.environment.PASSWORD";
  EXPECT_EQ(Change({.secrets = Names{}}), field);
  EXPECT_EQ(Change({.secrets = Names{"PORT"}}), field);
  EXPECT_EQ(Change({.environment = Variables{{"PASSWORD", ""}}, .secrets = Names{}}), field);
  EXPECT_EQ(Change({.environment = Variables{{"PASSWORD", "given"}}, .secrets = Names{}}), "");
  EXPECT_THAT(ShownEnvironment(spec_), ElementsAre(Pair("PASSWORD", "given")));
}

TEST_F(SecretEnvironmentTest, WhatIsThereBecomesSecret) {
  EXPECT_EQ(Change({.secrets = Names{"PASSWORD", "PORT"}}), "");
  EXPECT_THAT(ShownEnvironment(spec_), ElementsAre(Pair("PASSWORD", ""), Pair("PORT", "")));
  EXPECT_EQ(spec_.environment["PORT"], "80");
}

TEST_F(SecretEnvironmentTest, ASecretIsAVariable) {
  const std::string field = "process.spec.secret_environment";
  EXPECT_EQ(Change({.secrets = Names{"PASSWORD", "NONE"}}), field);
  EXPECT_EQ(Change({.environment = Variables{{"PORT", "80"}}, .secrets = Names{"PASSWORD"}}),
            field);
}

TEST_F(SecretEnvironmentTest, WhatIsKeptCountsForTheLimit) {
  spec_.environment["PASSWORD"] = std::string(100'000, 'x');
  EnvironmentChange change;
  change.environment.emplace();
  (*change.environment)["PASSWORD"] = "";
  for (int i = 0; i < 10; ++i)
    (*change.environment)["V" + std::to_string(i)] = std::string(99'000, 'x');
  EXPECT_EQ(Change(change), "process.spec.environment");
}

}  // namespace
}  // namespace grpc_os::core
