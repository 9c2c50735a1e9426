#include "host/public_suffix.h"

#include <gtest/gtest.h>

namespace grpc_os::host {
namespace {

TEST(PublicSuffixTest, IsWhatRegistriesTakeRegistrationsBelow) {
  // "*.ck" is a rule with an exception, "www.ck"; "xn--p1ai" is a suffix in its A-label.
  for (const char* name : {"com", "pl", "co.uk", "com.pl", "anything.ck", "xn--p1ai"})
    EXPECT_TRUE(IsPublicSuffix(name)) << name;
}

TEST(PublicSuffixTest, IsNotWhatBelongsToSomebody) {
  for (const char* name : {"example.com", "example.co.uk", "www.ck", "github.io", "localhost",
                           "intranet", "app.internal", "a.b.example", ""})
    EXPECT_FALSE(IsPublicSuffix(name)) << name;
}

}  // namespace
}  // namespace grpc_os::host
