#include "host/hs256_signer.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace grpc_os::host {
namespace {

core::Claims Access() {
  return {.user = "ada", .session_id = "0123", .issue_time_s = 100, .expire_time_s = 1000};
}

TEST(Hs256Signer, VerifiesWhatItSigned) {
  const Hs256Signer signer(std::string(32, 'k'));
  EXPECT_EQ(*signer.Verify(signer.Sign(Access())), Access());
  core::Claims refresh = Access();
  refresh.use = core::Claims::Use::kRefresh;
  refresh.refresh_number = 7;
  EXPECT_EQ(*signer.Verify(signer.Sign(refresh)), refresh);
}

TEST(Hs256Signer, RefusesEveryAlteration) {
  const Hs256Signer signer(std::string(32, 'k'));
  const std::string token = signer.Sign(Access());
  for (size_t i = 0; i < token.size(); ++i) {
    for (const char other : {'A', 'B', '.', '='}) {
      std::string altered = token;
      if (altered[i] == other) continue;
      altered[i] = other;
      EXPECT_FALSE(signer.Verify(altered).ok()) << i;
    }
  }
}

class KeyFile : public ::testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/grpc-os-key-XXXXXX";
    directory_ = mkdtemp(pattern);
    path_ = directory_ + "/jwt.key";
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string directory_;
  std::string path_;
};

TEST_F(KeyFile, IsMadeOnceAndKept) {
  const auto first = LoadOrMakeKey(path_);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->size(), 32u);
  EXPECT_EQ(*LoadOrMakeKey(path_), *first);
  struct stat info {};
  ASSERT_EQ(stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(KeyFile, IsRefusedWhenDamagedOrOpenToOthers) {
  std::ofstream(path_) << "short";
  chmod(path_.c_str(), 0600);
  EXPECT_EQ(LoadOrMakeKey(path_).status().code(), absl::StatusCode::kFailedPrecondition);
  std::ofstream(path_) << std::string(32, 'k');
  EXPECT_TRUE(LoadOrMakeKey(path_).ok());
  chmod(path_.c_str(), 0644);
  EXPECT_EQ(LoadOrMakeKey(path_).status().code(), absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace grpc_os::host
