#include "base/domain_name.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace grpc_os {
namespace {

using ::testing::HasSubstr;

// Labels of 63 bytes and one of `last`: "aaa….aaa….b…".
std::string Long(size_t labels, size_t last) {
  std::string name;
  for (size_t i = 0; i < labels; ++i) absl::StrAppend(&name, std::string(63, 'a'), ".");
  return name + std::string(last, 'b');
}

TEST(DomainName, TakesNamesOfHosts) {
  for (const std::string name :
       {"example.com", "a.b.c.d.example.co.uk", "localhost", "web", "my-host", "1.example.com",
        "3com.com", "a--b.example", "xn--bcher-kva.example", "xn--e1afmkfd.xn--p1ai",
        "*.example.com", "*.localhost", "*.internal", "*.app.internal", "0xyz.0xg", "a.1a"}) {
    EXPECT_EQ(DomainNameProblem(name), "") << name;
  }
  ASSERT_EQ(Long(3, 61).size(), 253U);
  EXPECT_EQ(DomainNameProblem(Long(3, 61)), "");
  EXPECT_EQ(DomainNameProblem("*." + Long(3, 59)), "");
  EXPECT_EQ(DomainNameProblem(std::string(63, 'a') + ".com"), "");
}

TEST(DomainName, RefusesEverythingElseWithItsCure) {
  const std::pair<std::string, const char*> wrong[] = {
      {"", "give a name such as example.com"},
      {Long(3, 62), "has 254 bytes, the limit is 253"},
      {"*." + Long(3, 60), "has 254 bytes, the limit is 253"},
      {std::string(64, 'a') + ".com", "has a label of 64 bytes, the limit is 63"},
      {"Example.com", "write it in lower case"},
      {".", "begins with a dot"},
      {".example.com", "begins with a dot; leave it out, or write *.example.com"},
      {"example.com.", "ends with a dot; leave it out"},
      {"a..example.com", "two dots in a row"},
      {"-a.example.com", "begins or ends with '-'"},
      {"a-.example.com", "begins or ends with '-'"},
      {"example.-", "begins or ends with '-'"},
      {"*", "only the whole first label"},
      {"*.", "covers too much"},
      {"*.com", "covers too much; give one with two more labels"},
      {"*.*.example.com", "only the whole first label"},
      {"a.*.example.com", "only the whole first label"},
      {"*a.example.com", "only the whole first label"},
      {"**.example.com", "only the whole first label"},
      {"*..example.com", "begins with a dot"},
      {"*example.com", "only the whole first label"},
      {"127.0.0.1", "ends in a number, as addresses do; give a name"},
      {"127.1", "ends in a number"},
      {"2130706433", "ends in a number"},
      {"a.0x7f", "ends in a number"},
      {"a.0x", "ends in a number"},
      {"*.0.0.1", "ends in a number"},
      {"::1", "is an address; give a name"},
      {"[::1]", "is an address; give a name"},
      {"fe80::1%eth0", "is an address"},
      {"example.com:8080", "has a port; give the name alone"},
      {"http://example.com", "without http://"},
      {"example.com/api", "without http://"},
      {"b\xC3\xBC"
       "cher.example",
       "not ASCII; write the name in its xn-- form"},
      {"a\xff.example", "not ASCII"},
      {"a b.example.com", "has ' '"},
      {" example.com", "has ' '"},
      {"a.com\nb.com", R"(has '\n')"},
      {"a.com\r", R"(has '\r')"},
      {"a.com\tb", R"(has '\t')"},
      {std::string("a.com\0.b", 8), R"(has '\x00')"},
      {"a\x1b[31m.com", R"(has '\x1b')"},
      {"a\x7f.com", R"(has '\x7f')"},
      {"a.com;", "has ';'"},
      {"a.com{}", "has '{'"},
      {"a}.com", "has '}'"},
      {"$host", "has '$'"},
      {"a\".com", R"(has '\"')"},
      {"a'.com", R"(has '\'')"},
      {"a\\.com", R"(has '\\')"},
      {"~^a", "has '~'"},
      {"a#b.com", "has '#'"},
      {"dom_1.example", "has '_'"},
      {"a@b.example", "has '@'"},
      {"a,b.example", "has ','"},
  };
  for (const auto& [name, cure] : wrong) {
    EXPECT_THAT(DomainNameProblem(name), HasSubstr(cure)) << name;
    EXPECT_THAT(DomainNameProblem(name), HasSubstr(";")) << name;
  }
}

TEST(DomainName, IsStoredInLowerCase) {
  EXPECT_EQ(CanonicalDomainName("*.ExAmple.COM"), "*.example.com");
  EXPECT_EQ(DomainNameProblem(CanonicalDomainName("WWW.Example.com")), "");
}

TEST(DomainName, NamesThatNobodyCanRegister) {
  for (const char* name : {"localhost", "a.localhost", "x.internal", "a.b.test", "example",
                           "a.example", "a.invalid", "printer.local", "nas.home.arpa", "home.arpa"})
    EXPECT_TRUE(IsSpecialUseName(name)) << name;
  for (const char* name : {"", "example.com", "notlocalhost", "localhost.com", "arpa", "e164.arpa",
                           "mytest", "internal.example.com"})
    EXPECT_FALSE(IsSpecialUseName(name)) << name;
}

TEST(RoutePath, TakesSegments) {
  for (const std::string path : {"/", "/api", "/api/v1.2/~me/a_b-C", "/...", "/.well-known/x"})
    EXPECT_EQ(RoutePathProblem(path), "") << path;
  EXPECT_EQ(RoutePathProblem("/" + std::string(254, 'a')), "");
}

TEST(RoutePath, RefusesEverythingElseWithItsCure) {
  const std::pair<std::string, const char*> wrong[] = {
      {"", "does not begin with '/'"},
      {"api", "does not begin with '/'"},
      {"/" + std::string(255, 'a'), "has 256 bytes, the limit is 255"},
      {"/api/", "ends with '/'"},
      {"//", "ends with '/'"},
      {"//api", "two slashes in a row"},
      {"/a//b", "two slashes in a row"},
      {"/a/../b", "has the segment '..'"},
      {"/..", "has the segment '..'"},
      {"/a/.", "has the segment '.'"},
      {"/a b", "has ' '"},
      {"/a;", "has ';'"},
      {"/{a}", "has '{'"},
      {"/$uri", "has '$'"},
      {"/a\"b", R"(has '\"')"},
      {"/a\nb", R"(has '\n')"},
      {std::string("/a\0b", 4), R"(has '\x00')"},
      {"/%2e%2e", "has '%'"},
      {"/a?b", "has '?'"},
      {"/a\\b", R"(has '\\')"},
      {"/caf\xC3\xA9", R"(has '\xc3')"},
      {"/*", "has '*'"},
  };
  for (const auto& [path, cure] : wrong)
    EXPECT_THAT(RoutePathProblem(path), HasSubstr(cure)) << path;
}

}  // namespace
}  // namespace grpc_os
