// What the tests of bundles share: a directory of their own, trees and archives.
#ifndef GRPC_OS_BUNDLE_BUNDLE_HARNESS_H_
#define GRPC_OS_BUNDLE_BUNDLE_HARNESS_H_

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "base/unique_fd.h"
#include "bundle/digest.h"
#include "bundle/pack.h"
#include "bundle/unpack.h"

namespace grpc_os::bundle {

inline std::string DigestOf(std::string_view bytes) {
  RunningDigest digest;
  digest.Add(bytes);
  return digest.Finish();
}

class BundleTest : public ::testing::Test {
 protected:
  void SetUp() override {
    // In memory, where there is a place: some of the tests make 100,000 files.
    home_ = access("/dev/shm", W_OK) == 0 ? "/dev/shm/bundle-XXXXXX" : "/tmp/bundle-XXXXXX";
    ASSERT_NE(mkdtemp(home_.data()), nullptr);
    source_ = home_ + "/source";
    store_ = home_ + "/store";
    std::filesystem::create_directory(source_);
    std::filesystem::create_directory(store_);
  }
  void TearDown() override {
    if (home_.empty()) return;
    for (const std::string& name : Stored()) RemoveBundle(store_, name).IgnoreError();
    std::filesystem::remove_all(home_);
  }

  // Below the directory that is packed.
  std::string At(const std::string& path) const { return source_ + "/" + path; }
  void Write(const std::string& path, std::string_view text, mode_t mode = 0644) {
    std::filesystem::create_directories(std::filesystem::path(At(path)).parent_path());
    std::ofstream(At(path), std::ios::binary) << text;
    ASSERT_EQ(chmod(At(path).c_str(), mode), 0);
  }
  void Link(const std::string& path, const std::string& target) {
    ASSERT_EQ(symlink(target.c_str(), At(path).c_str()), 0);
  }
  static std::string Content(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static mode_t Mode(const std::string& path) {
    struct stat status {};
    EXPECT_EQ(lstat(path.c_str(), &status), 0) << path;
    return status.st_mode & 07777;
  }
  // The archive of the directory.
  std::string Archive() const {
    std::string archive;
    const auto packed = Pack(source_, nullptr, [&archive](std::string_view piece) {
      archive += piece;
      return absl::OkStatus();
    });
    EXPECT_TRUE(packed.ok()) << packed.status();
    if (packed.ok()) {
      EXPECT_EQ(packed->digest, DigestOf(archive));
    }
    return archive;
  }
  absl::Status UnpackAs(const std::string& archive, const std::string& digest) {
    const std::string path = home_ + "/archive.tar";
    std::ofstream(path, std::ios::binary) << archive;
    const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    return Unpack(file.get(), store_, digest);
  }
  absl::Status UnpackBytes(const std::string& archive) {
    return UnpackAs(archive, DigestOf(archive));
  }
  // What is in the directory of bundles.
  std::set<std::string> Stored() const {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(store_))
      names.insert(entry.path().filename());
    return names;
  }

  std::string home_, source_, store_;
};

}  // namespace grpc_os::bundle

#endif  // GRPC_OS_BUNDLE_BUNDLE_HARNESS_H_
