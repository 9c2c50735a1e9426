#include "core/event/event_filter.h"

#include <gtest/gtest.h>

namespace grpc_os::core {
namespace {

Event Of(const std::string& name, const std::string& action, const std::string& from = "") {
  Event event;
  event.kind = "object";
  event.resource_id = "obj_1";
  event.name = name;
  event.action = action;
  if (!from.empty()) event.attributes[kMovedFrom] = from;
  return event;
}

TEST(EventFilter, ByNameOrIdOrTheNameBefore) {
  const EventFilter filter{.kinds = {"object"}, .names = {"/a", "/c"}};
  EXPECT_TRUE(Matches(filter, Of("/a", "deleted")));
  EXPECT_FALSE(Matches(filter, Of("/ab", "created"))) << "it is no prefix";
  EXPECT_TRUE(Matches(filter, Of("/b", "renamed", "/a")));
  EXPECT_TRUE(Matches(filter, Of("/c", "renamed", "/b")));
  EXPECT_FALSE(Matches(filter, Of("/d", "renamed", "/b")));
  EXPECT_TRUE(Matches({.kinds = {"object"}, .names = {"obj_1"}}, Of("/d", "created")));
  EXPECT_FALSE(Matches({.kinds = {"process"}, .names = {"/a"}}, Of("/a", "deleted")));
}

// Deleted and made anew: the name means both, an id one of them.
TEST(EventFilter, ANameThatIsGivenAgain) {
  Event first = Of("/a", "deleted");
  Event second = Of("/a", "created");
  second.resource_id = "obj_2";
  for (const Event& event : {first, second})
    EXPECT_TRUE(Matches({.kinds = {"object"}, .names = {"/a"}}, event));
  EXPECT_FALSE(Matches({.kinds = {"object"}, .names = {"obj_1"}}, second));
}

TEST(EventFilter, ByAction) {
  const EventFilter filter{.kinds = {"object"}, .actions = {"created", "deleted"}};
  EXPECT_TRUE(Matches(filter, Of("/a", "created")));
  EXPECT_FALSE(Matches(filter, Of("/a", "updated")));
  EXPECT_TRUE(Matches(filter, Of("/b", "renamed", "/a"))) << "to some it is deleted";
  EXPECT_FALSE(Matches({.kinds = {"object"}, .actions = {"created"}}, Of("/b", "renamed", "/a")));
  EXPECT_FALSE(
      Matches({.kinds = {"object"}, .prefix = "/x", .actions = {"created"}}, Of("/a", "created")));
}

}  // namespace
}  // namespace grpc_os::core
