#include "core/change/envelope.h"

#include <gtest/gtest.h>

namespace grpc_os::core {
namespace {

TEST(Origin, KeepsTheNamesOfWhatWasGivenByIds) {
  Origin origin;
  origin.record.resource = "proc_1";
  const auto named = [&](const std::string& resource) {
    return origin.findings->Lock()->Named(resource);
  };
  EXPECT_EQ(named("proc_1"), "proc_1") << "nothing is known of it";
  origin.SetFound("web", "web");
  EXPECT_EQ(origin.name, "web");
  EXPECT_EQ(named("web"), "web");
  Origin copy = origin;
  copy.SetFound("proc_1", "web");
  EXPECT_EQ(named("proc_1"), "web (proc_1)") << "copies are the same origin";
  EXPECT_EQ(named("proc_12"), "proc_12");
  EXPECT_EQ(named("proc_1: ls -l"), "web (proc_1): ls -l");
  origin.NoteName("obj_2", "/a b");
  EXPECT_EQ(named("/c obj_2 proc_1"), "/c /a b (obj_2) web (proc_1)");
  EXPECT_EQ(named(named("proc_1")), "web (proc_1)") << "a transaction that is run again";
}

}  // namespace
}  // namespace grpc_os::core
