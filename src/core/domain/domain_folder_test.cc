#include "core/domain/domain_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "core/logger.h"
#include "testing/manual_scheduler.h"
#include "testing/memory_resource_store.h"

namespace grpc_os::core {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class NoLogger final : public Logger {
 public:
  bool Enabled(LogLevel) const override { return true; }
  void SetLevel(LogLevel) override {}
  LogLevel Level() const override { return LogLevel::kInfo; }
  void Write(LogLevel, std::string_view, const LogFields&) override {}
};

class DomainFolderTest : public ::testing::Test {
 protected:
  void Make(const std::string& name) {
    Domain domain;
    domain.name = name;
    domain.spec.routes = {{.path = "/", .targets = {{"proc_web", 8080, 2}, {"proc_web", 8081, 1}}},
                          {.path = "/api", .strip = true, .targets = {{"proc_api", 0, 1}}}};
    domains_.Create(domain, {}, [](const absl::StatusOr<Domain>& made) {
      EXPECT_TRUE(made.ok()) << made.status();
    });
  }
  std::optional<Object> Find(const std::string& path) {
    std::optional<SystemFolder::Found> answer;
    folder_.Find(path, [&](SystemFolder::Found found) { answer = std::move(found); });
    EXPECT_TRUE(answer.value().ok()) << answer->status();
    return answer->value_or(std::nullopt);
  }
  std::vector<std::string> List(const SystemFolder::Range& range) {
    std::vector<std::string> names;
    folder_.List(range, [&](const SystemFolder::Listed& listed) {
      for (const Object& object : *listed) names.push_back(object.name);
    });
    return names;
  }

  testing::ManualScheduler scheduler_;
  testing::MemoryResourceStore store_;
  NoLogger logger_;
  Domains domains_{{.store = store_,
                    .scheduler = scheduler_,
                    .logger = logger_,
                    .may = [](const auto&...) { return absl::OkStatus(); },
                    .is_public_suffix = [](std::string_view) { return false; },
                    .file = ""}};
  DomainFolder folder_{domains_, scheduler_};
};

TEST_F(DomainFolderTest, ADomainIsAnObjectThatTellsWhatIsWantedAndWhatBecameOfIt) {
  Make("shop.example");
  const std::string id = domains_.Find("shop.example")->id;
  domains_.OnOutcome(id, {.state = PlaneOutcome::State::kRejected,
                          .generation = 1,
                          .active_generation = 0,
                          .message = "line one\nstate: active\\"});
  const auto object = Find("shop.example");
  ASSERT_TRUE(object.has_value());
  EXPECT_EQ(object->name, "shop.example");
  EXPECT_EQ(object->data, "id: " + id +
                              "\n"
                              "name: shop.example\n"
                              "state: rejected\n"
                              "generation: 1\n"
                              "active_generation: 0\n"
                              "message: line one\\nstate: active\\\\\n"
                              "grpc: no\n"
                              "api: no\n"
                              "hold_ms: 30000\n"
                              "drain_ms: 10000\n"
                              "manager: \n"
                              "target: / proc_web port 8080 weight 2\n"
                              "target: / proc_web port 8081 weight 1\n"
                              "target: /api strip proc_api port 0 weight 1\n");
}

TEST_F(DomainFolderTest, ObjectsAreFoundByNamesAloneAndNothingLiesBelowThem) {
  Make("shop.example");
  EXPECT_FALSE(Find("other.example"));
  EXPECT_FALSE(Find(domains_.Find("shop.example")->id));
  EXPECT_FALSE(Find("shop.example/"));
  EXPECT_FALSE(Find("shop.example/state"));
}

TEST_F(DomainFolderTest, TheyAreListedInTheOrderOfNamesAndInPages) {
  for (const char* name : {"c.example", "a.example", "*.example", "b.example"}) Make(name);
  EXPECT_THAT(List({.limit = 10}), ElementsAre("*.example", "a.example", "b.example", "c.example"));
  EXPECT_THAT(List({.limit = 2}), ElementsAre("*.example", "a.example"));
  EXPECT_THAT(List({.after = "a.example", .limit = 2}), ElementsAre("b.example", "c.example"));
  EXPECT_THAT(List({.path = "b", .recursive = true, .limit = 10}), ElementsAre("b.example"));
  EXPECT_THAT(List({.path = "b.example/", .limit = 10}), IsEmpty());
}

TEST_F(DomainFolderTest, TheyNeedThePermissionToReadTheDomainOfTheirName) {
  EXPECT_EQ(std::string(folder_.permission()), "domain.read");
  EXPECT_EQ(folder_.ThingAt("shop.example"), "shop.example");
}

}  // namespace
}  // namespace grpc_os::core
