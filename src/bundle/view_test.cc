#include "bundle/view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bundle/bundle_harness.h"

namespace grpc_os::bundle {
namespace {

using ::testing::HasSubstr;

class ViewTest : public BundleTest {
 protected:
  // Packs and unpacks what was written.
  void Unpacked() {
    const std::string archive = Archive();
    digest_ = DigestOf(archive);
    ASSERT_TRUE(UnpackBytes(archive).ok());
  }
  absl::Status Make(const std::vector<Mount>& mounts) {
    return MakeView(store_, digest_, Name(), mounts);
  }
  std::string Name() const { return digest_ + "-proc_1-2"; }
  std::string In(const std::string& path) const { return store_ + "/" + Name() + "/" + path; }

  std::string digest_;
};

TEST_F(ViewTest, ItHasTheFilesAndTheLinks) {
  Write("app.py", "one");
  Write("lib/run.sh", "two", 0755);
  Link("lib/also", "run.sh");
  std::filesystem::create_directory(At("data"));
  Unpacked();
  const std::string volume = home_ + "/volume";
  std::filesystem::create_directory(volume);
  ASSERT_TRUE(Make({{"data", volume}, {"var/cache/http", volume}, {"lib/state", volume}}).ok());
  EXPECT_EQ(Content(In("app.py")), "one");
  EXPECT_EQ(Content(In("lib/also")), "two");
  EXPECT_EQ(Mode(In("lib/run.sh")), 0555u);
  EXPECT_EQ(Mode(In("lib")), 0555u);
  EXPECT_EQ(Mode(In("var/cache")), 0555u);
  EXPECT_EQ(Mode(In("")), 0500u);
  for (const char* place : {"data", "var/cache/http", "lib/state"})
    EXPECT_EQ(std::filesystem::read_symlink(In(place)), volume) << place;
  EXPECT_EQ(std::filesystem::hard_link_count(In("app.py")), 2u);
  EXPECT_TRUE(Verify(store_, digest_).ok()) << "the bundle itself is as it was";
  ASSERT_TRUE(RemoveBundle(store_, Name()).ok());
  EXPECT_EQ(Stored(), std::set<std::string>{digest_});
  EXPECT_TRUE(std::filesystem::exists(volume));
}

TEST_F(ViewTest, WhatIsThereStays) {
  Write("app.py", "one");
  Unpacked();
  ASSERT_TRUE(Make({{"data", "/a"}}).ok());
  ASSERT_TRUE(Make({{"data", "/b"}}).ok());
  EXPECT_EQ(std::filesystem::read_symlink(In("data")), "/a");
}

TEST_F(ViewTest, AVolumeWithoutAPlaceIsRefusedByName) {
  Write("app.py", "one");
  Write("lib/a.txt", "two");
  Unpacked();
  const std::pair<std::vector<Mount>, const char*> cases[] = {
      {{{"app.py", "/v"}}, "a file or link is there"},
      {{{"app.py/data", "/v"}}, "lies below it"},
      {{{"lib", "/v"}}, "is not empty"},
      {{{"data", "/v"}, {"data/more", "/w"}}, "'data' is there"},
      {{{"../out", "/v"}}, "no place in the bundle"},
      {{{"", "/v"}}, "no place in the bundle"},
  };
  for (const auto& [mounts, why] : cases) {
    const absl::Status status = Make(mounts);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << why;
    EXPECT_THAT(std::string(status.message()), HasSubstr(why));
    EXPECT_EQ(Stored(), std::set<std::string>{digest_}) << "nothing is left";
  }
}

TEST_F(ViewTest, OfABundleThatIsNotThere) {
  digest_ = std::string(64, 'a');
  EXPECT_EQ(Make({}).code(), absl::StatusCode::kNotFound);
}

TEST_F(ViewTest, WhatWasKilledIsRemovedAtTheNextStart) {
  Write("app.py", "one");
  Unpacked();
  std::filesystem::create_directory(store_ + "/" + Name() + ".partial-0123456789abcdef");
  ASSERT_TRUE(RemovePartials(store_).ok());
  EXPECT_EQ(Stored(), std::set<std::string>{digest_});
}

}  // namespace
}  // namespace grpc_os::bundle
