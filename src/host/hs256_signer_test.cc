#include "host/hs256_signer.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace grpc_os::host {
namespace {

const std::string kClaims = R"({"sub":"admin","sid":"0123"})";

TEST(Hs256Signer, VerifiesWhatItSigned) {
  const Hs256Signer signer(std::string(32, 'k'));
  const auto claims = signer.Verify(signer.Sign(kClaims));
  ASSERT_TRUE(claims.ok());
  EXPECT_EQ(*claims, kClaims);
}

TEST(Hs256Signer, RefusesEveryAlteration) {
  const Hs256Signer signer(std::string(32, 'k'));
  const std::string token = signer.Sign(kClaims);
  for (size_t i = 0; i < token.size(); ++i) {
    std::string altered = token;
    altered[i] = altered[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(signer.Verify(altered).ok()) << i;
  }
  EXPECT_FALSE(signer.Verify(token + "=").ok());
  EXPECT_FALSE(signer.Verify(token.substr(0, token.size() - 1)).ok());
  EXPECT_FALSE(signer.Verify("").ok());
  EXPECT_FALSE(signer.Verify("..").ok());
}

TEST(Hs256Signer, RefusesAnotherKeyAndAlgNone) {
  const Hs256Signer signer(std::string(32, 'k'));
  EXPECT_FALSE(signer.Verify(Hs256Signer(std::string(32, 'x')).Sign(kClaims)).ok());
  EXPECT_FALSE(signer.Verify("eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.").ok());
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
