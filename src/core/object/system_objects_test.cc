#include "core/object/system_objects.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "testing/manual_scheduler.h"

namespace grpc_os::core {
namespace {

using ::testing::ElementsAre;

class SystemObjectsTest : public ::testing::Test {
 protected:
  SystemObjectsTest() : objects_(MakeFolders(), clock_) {}

  SystemObjects::Folders MakeFolders() {
    SystemObjects::Folders folders;
    folders["/sys/"] = std::make_unique<FixedFolder>(
        FixedFolder::Contents{{"limits", [] { return std::string("path 1024\n"); }},
                              {"threads", [] { return std::string("main\n"); }},
                              {"version", [this] { return version_; }}},
        clock_);
    folders["/proc/"] = std::make_unique<FixedFolder>(FixedFolder::Contents{}, clock_);
    return folders;
  }
  std::optional<Object> Find(const std::string& name) {
    std::optional<Object> found;
    objects_.Find(name, [&found](SystemFolder::Found result) { found = *std::move(result); });
    return found;
  }
  std::vector<std::string> List(const std::string& prefix, const std::string& after = "",
                                int limit = 100) {
    std::vector<std::string> names;
    objects_.List({.prefix = prefix, .after = after, .limit = limit}, [&names](auto listed) {
      for (const Object& object : *listed) names.push_back(object.name);
    });
    return names;
  }

  testing::ManualScheduler clock_;
  std::string version_ = "1.0\n";
  SystemObjects objects_;
};

TEST_F(SystemObjectsTest, AnObjectIsMadeAnewForEachRead) {
  const auto first = Find("/sys/version");
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->name, "/sys/version");
  EXPECT_EQ(first->data, "1.0\n");
  EXPECT_EQ(first->size_bytes, 4);
  EXPECT_EQ(first->generation, 0);
  version_ = "1.1\n";
  EXPECT_EQ(Find("/sys/version")->data, "1.1\n");
}

TEST_F(SystemObjectsTest, FoldersAreFoundWithAndWithoutTheirSlash) {
  for (const char* name : {"/sys", "/sys/"}) {
    const auto found = Find(name);
    ASSERT_TRUE(found.has_value()) << name;
    EXPECT_EQ(found->name, "/sys/");
    EXPECT_TRUE(found->folder);
  }
}

TEST_F(SystemObjectsTest, WhatIsNotThereIsNotFound) {
  for (const char* name : {"/sys/nothing", "/sys/version/more", "/system", "/domains", "/syst"})
    EXPECT_FALSE(Find(name).has_value()) << name;
}

TEST_F(SystemObjectsTest, ListsPageByPage) {
  EXPECT_THAT(List("/sys/"), ElementsAre("/sys/limits", "/sys/threads", "/sys/version"));
  EXPECT_THAT(List("/sys/", "", 2), ElementsAre("/sys/limits", "/sys/threads"));
  EXPECT_THAT(List("/sys/", "/sys/threads"), ElementsAre("/sys/version"));
  EXPECT_THAT(List("/proc/"), ElementsAre());
  EXPECT_THAT(List("/sys/version/"), ElementsAre());
}

TEST_F(SystemObjectsTest, TellsWhoseNameItIs) {
  EXPECT_NE(objects_.FolderOf("/sys/version"), nullptr);
  EXPECT_NE(objects_.FolderOf("/proc"), nullptr);
  EXPECT_EQ(objects_.FolderOf("/process"), nullptr);
  std::vector<std::string> roots;
  for (const Object& root : objects_.Roots()) roots.push_back(root.name);
  EXPECT_THAT(roots, ElementsAre("/proc/", "/sys/"));
}

}  // namespace
}  // namespace grpc_os::core
