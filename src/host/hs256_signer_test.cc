#include "host/hs256_signer.h"

#include <gtest/gtest.h>

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

TEST(Hs256Signer, KnowsWhatSaysItIsOfAnotherKey) {
  const Hs256Signer ours(std::string(32, 'k'));
  const Hs256Signer other(std::string(32, 'o'));
  core::Claims refresh = Access();
  refresh.use = core::Claims::Use::kRefresh;
  for (const core::Claims& claims : {Access(), refresh})
    EXPECT_TRUE(absl::IsFailedPrecondition(ours.Verify(other.Sign(claims)).status()));
  std::string forged = other.Sign(Access());
  forged.back() = forged.back() == 'A' ? 'B' : 'A';
  EXPECT_TRUE(absl::IsFailedPrecondition(ours.Verify(forged).status())) << "nobody can check that";
  std::string altered = ours.Sign(Access());
  altered.back() = altered.back() == 'A' ? 'B' : 'A';
  EXPECT_TRUE(absl::IsUnauthenticated(ours.Verify(altered).status()));
  EXPECT_TRUE(absl::IsUnauthenticated(ours.Verify("a.b.c").status()));
  const std::string token = other.Sign(Access());
  EXPECT_TRUE(
      absl::IsUnauthenticated(ours.Verify(token.substr(0, token.find('.') + 20) + ".x").status()));
  EXPECT_NE(ours.Instance(), other.Instance());
  EXPECT_TRUE(core::IsInstance(ours.Instance()));
}

}  // namespace
}  // namespace grpc_os::host
