#include "host/content_sha256.h"

#include <string>

#include "absl/strings/escaping.h"
#include "gtest/gtest.h"

namespace grpc_os::host {
namespace {

TEST(ContentSha256Test, PiecesGiveTheHashOfTheWholeAndCanGoOn) {
  const auto hash = ContentSha256().Begin();
  EXPECT_EQ(absl::BytesToHexString(hash->Sha256()),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  hash->Add("a");
  hash->Sha256();
  hash->Add("bc");  // FIPS 180-2, "abc"
  EXPECT_EQ(absl::BytesToHexString(hash->Sha256()),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace grpc_os::host
