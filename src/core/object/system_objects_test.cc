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
    ListPage({.prefix = prefix, .after = after, .recursive = false, .limit = limit}, names);
    return names;
  }
  ObjectPage ListPage(const ObjectQuery& query, std::vector<std::string>& names) {
    ObjectPage page;
    objects_.List(query, [&page](auto listed) { page = *std::move(listed); });
    for (const Object& object : page.objects) names.push_back(object.name);
    return page;
  }
  std::vector<std::string> ListAll(const std::string& prefix, const std::string& after = "") {
    std::vector<std::string> names;
    ListPage({.prefix = prefix, .after = after}, names);
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
}

TEST_F(SystemObjectsTest, TheRootListsTheFoldersThemselves) {
  EXPECT_THAT(List("/"), ElementsAre("/proc/", "/sys/"));
  EXPECT_THAT(List("/", "/proc/"), ElementsAre("/sys/"));
  EXPECT_THAT(List("/", "/sys/"), ElementsAre());
}

TEST_F(SystemObjectsTest, RecursiveListsHoldThemOnlyBelowTheirFolder) {
  EXPECT_THAT(ListAll("/"), ElementsAre());
  EXPECT_THAT(ListAll("/s"), ElementsAre());
  EXPECT_THAT(ListAll("/sys"), ElementsAre("/sys/limits", "/sys/threads", "/sys/version"));
  EXPECT_THAT(ListAll("/sys/"), ElementsAre("/sys/limits", "/sys/threads", "/sys/version"));
  EXPECT_THAT(ListAll("/sys/t"), ElementsAre("/sys/threads"));
  EXPECT_THAT(ListAll("/sys", "/sys/threads"), ElementsAre("/sys/version"));
  EXPECT_THAT(ListAll("/sys", "/system/a"), ElementsAre()) << "the folder lies before that";
}

TEST_F(SystemObjectsTest, APageSaysWhereToGoOn) {
  std::vector<std::string> names;
  const ObjectPage page = ListPage({.prefix = "/sys/", .recursive = false, .limit = 2}, names);
  EXPECT_TRUE(page.more);
  EXPECT_EQ(page.next_after, "/sys/threads");
  EXPECT_FALSE(ListPage({.prefix = "/sys/", .recursive = false, .limit = 3}, names).more);
}

ObjectPage PageOf(const std::vector<std::string>& names, const std::string& next_after = "") {
  ObjectPage page;
  for (const std::string& name : names) page.objects.push_back({.name = name});
  page.next_after = next_after;
  page.more = !next_after.empty();
  page.revision = 7;
  return page;
}

std::vector<std::string> NamesOf(const ObjectPage& page) {
  std::vector<std::string> names;
  for (const Object& object : page.objects) names.push_back(object.name);
  return names;
}

TEST(MergePagesTest, BothInTheOrderOfBytes) {
  const ObjectPage page = MergePages(PageOf({"/a", "/q", "/z"}), PageOf({"/proc/", "/sys/"}), 9);
  EXPECT_THAT(NamesOf(page), ElementsAre("/a", "/proc/", "/q", "/sys/", "/z"));
  EXPECT_FALSE(page.more);
  EXPECT_EQ(page.revision, 7);
}

TEST(MergePagesTest, NothingIsSkippedBehindTheEndOfEither) {
  ObjectPage page = MergePages(PageOf({"/a", "/b"}, "/b"), PageOf({"/proc/", "/sys/"}), 2);
  EXPECT_THAT(NamesOf(page), ElementsAre("/a", "/b"));
  EXPECT_EQ(page.next_after, "/b");
  page = MergePages(PageOf({"/q", "/z"}), PageOf({"/proc/"}, "/proc/"), 9);
  EXPECT_THAT(NamesOf(page), ElementsAre("/proc/"));
  EXPECT_EQ(page.next_after, "/proc/");
  page = MergePages(PageOf({}, "/n"), PageOf({"/proc/"}), 9);
  EXPECT_THAT(NamesOf(page), ElementsAre()) << "what was read there may not be seen";
  EXPECT_EQ(page.next_after, "/n");
}

TEST(MergePagesTest, TogetherNoMoreThanWereAskedFor) {
  const ObjectPage page = MergePages(PageOf({"/a", "/q"}), PageOf({"/proc/", "/sys/"}), 3);
  EXPECT_THAT(NamesOf(page), ElementsAre("/a", "/proc/", "/q"));
  EXPECT_TRUE(page.more);
  EXPECT_EQ(page.next_after, "/q");
}

}  // namespace
}  // namespace grpc_os::core
