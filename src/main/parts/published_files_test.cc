#include "main/parts/published_files.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "main/parts/parts_harness.h"

namespace grpc_os {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::StartsWith;

class PublishedFilesTest : public testing::Test {
 protected:
  PublishedFilesTest() {
    auto& directory = parts_.Add<DataDirectory>(directory_.path());
    auto& log = parts_.Add<SystemLog>(directory, settings_,
                                      [this](const std::string& line) { said_.push_back(line); });
    files_ = &parts_.Add<PublishedFiles>(directory, log);
    EXPECT_TRUE(parts_.Start().ok());
  }
  std::string TextOf(const std::string& name) const {
    std::string text;
    std::getline(std::ifstream(directory_.path() + "/" + name), text, '\0');
    return text;
  }

  TemporaryDirectory directory_;
  const manifest::Settings settings_ = *manifest::ResolveSettings({});
  std::vector<std::string> said_;
  Composition parts_;
  PublishedFiles* files_ = nullptr;
};

TEST_F(PublishedFilesTest, AreWrittenAtOnce) {
  files_->Write("run/grpc.port", "50051\n");
  EXPECT_EQ(TextOf("run/grpc.port"), "50051\n");
  EXPECT_THAT(said_, IsEmpty());
}

TEST_F(PublishedFilesTest, WhatCannotBeWrittenIsWarnedOfOnceAndTriedAgainOnEachTick) {
  const std::string in_the_way = directory_.path() + "/run/grpc.port";
  std::filesystem::create_directory(in_the_way);
  files_->Write("run/grpc.port", "50051\n");
  EXPECT_THAT(said_, ElementsAre(StartsWith("warning: cannot write run/grpc.port yet")));
  parts_.Tick(1000);
  std::filesystem::remove(in_the_way);
  EXPECT_FALSE(std::filesystem::exists(in_the_way));
  parts_.Tick(2000);
  EXPECT_EQ(TextOf("run/grpc.port"), "50051\n");
  EXPECT_EQ(said_.size(), 1u);
}

TEST_F(PublishedFilesTest, WhatIsRemovedIsWrittenAgain) {
  files_->Write("run/grpc.port", "50051\n");
  std::filesystem::remove_all(directory_.path() + "/run");
  parts_.Tick(1000);
  EXPECT_EQ(TextOf("run/grpc.port"), "") << "its directory is not there";
  std::filesystem::create_directory(directory_.path() + "/run");
  parts_.Tick(2000);
  EXPECT_EQ(TextOf("run/grpc.port"), "50051\n");
}

}  // namespace
}  // namespace grpc_os
