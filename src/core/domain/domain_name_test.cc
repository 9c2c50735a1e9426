#include "core/domain/domain_name.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

namespace grpc_os::core {
namespace {

using ::testing::HasSubstr;

// What is said of a name where these are public suffixes.
std::string SaidOf(std::string_view name) {
  static const std::set<std::string, std::less<>> suffixes = {"com", "co.uk", "home.arpa", "arpa"};
  Violations violations;
  CheckDomainName(
      name, "name", [](std::string_view one) { return suffixes.contains(one); }, violations);
  return std::string(violations.ToStatus().message());
}

TEST(CheckDomainName, TakesNamesOfOnesOwn) {
  for (const char* name : {"example.com", "*.example.com", "example.co.uk", "*.example.co.uk",
                           "intranet", "*.localhost", "home.arpa", "*.home.arpa"})
    EXPECT_EQ(SaidOf(name), "") << name;
}

TEST(CheckDomainName, RefusesPublicSuffixesAndAllThatIsBelowThem) {
  EXPECT_EQ(SaidOf("com"),
            "name: 'com' is a public suffix, below which others have names; give your own, such as "
            "example.com");
  EXPECT_THAT(SaidOf("co.uk"), HasSubstr("such as example.co.uk"));
  EXPECT_THAT(SaidOf("*.co.uk"), HasSubstr("such as *.example.co.uk"));
  EXPECT_THAT(SaidOf("arpa"), HasSubstr("public suffix"));
}

TEST(CheckDomainName, SaysOneThingOfOneName) {
  EXPECT_EQ(SaidOf("a.com;\n{}"), "name: has ';'; a name has letters, digits, '-' and '.' only");
  EXPECT_EQ(SaidOf("*.com"),
            "name: covers too much; give one with two more labels, such as *.example.com");
}

TEST(CheckRoutePath, SaysWhatIsWrong) {
  Violations violations;
  CheckRoutePath("/api", "path", violations);
  EXPECT_TRUE(violations.empty());
  CheckRoutePath("/api/", "path", violations);
  EXPECT_EQ(violations.ToStatus().message(),
            "path: ends with '/'; leave that out: /api covers what is below it, too");
}

}  // namespace
}  // namespace grpc_os::core
