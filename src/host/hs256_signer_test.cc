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

}  // namespace
}  // namespace grpc_os::host
