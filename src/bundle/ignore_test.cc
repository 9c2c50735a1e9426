#include "bundle/ignore.h"

#include "bundle/bundle_harness.h"
#include "bundle/limits.h"
#include "gmock/gmock.h"

namespace grpc_os::bundle {
namespace {

using ::testing::HasSubstr;

// Whether rules leave out a file, or with a slash at its end a directory.
bool LeavesOut(std::string_view rules, std::string path) {
  IgnoreRules ignore;
  EXPECT_TRUE(ignore.Add(rules, "f").ok()) << rules;
  const bool directory = path.ends_with('/');
  if (directory) path.pop_back();
  return ignore.LeavesOut(path, directory);
}

std::string Refusal(std::string_view rules) {
  IgnoreRules ignore;
  return std::string(ignore.Add(rules, ".dockerignore").message());
}

struct Row {
  const char* rules;
  const char* path;
  bool left_out;
};

TEST(IgnoreTest, RulesAsDockerHasThem) {
  for (const Row& row : std::initializer_list<Row>{
           {"", "a", false},
           {"a", "a", true},
           {"a", "ab", false},
           {"a", "b/a", false},  // relative to the root
           {"a", "a/b/c", true},
           {"/a/", "a", true},
           {"./a", "a", true},
           {"x/../a", "a", true},
           {"../a", "a", false},
           {".", "a", false},
           {"/", "a", false},
           {"a.b", "axb", false},
           {"a$", "a$", true},
           {"*/temp*", "somedir/temporary.txt", true},
           {"*/temp*", "temp", false},
           {"*/*/temp*", "a/b/tempfile", true},
           {"*/*/temp*", "a/tempfile", false},
           {"temp?", "tempa", true},
           {"temp?", "temp", false},
           {"temp?", "tempab", false},
           {"temp?", "tempż", true},
           {"a?b", "a/b", false},
           {"*.md", "README.md", true},
           {"*.md", "docs/README.md", false},
           {"*.md", ".md", true},
           {"**/*.go", "a.go", true},
           {"**/*.go", "x/y/a.go", true},
           {"**/*.go", "x/y/a.gox", false},
           {"a/**/b", "a/b", true},
           {"a/**/b", "a/x/y/b", true},
           {"a/**/b", "ab", false},
           {"a/**", "a", false},
           {"a/**", "a/x/y", true},
           {"**", "a/x", true},
           {"**/a/**", "x/a/y", true},
           {"**/a/**", "x/a", false},
           {"a**", "a", true},
           {"a**", "ab/c", true},
           {"[a-c]x", "bx", true},
           {"[a-c]x", "dx", false},
           {"[^a-c]x", "dx", true},
           {"a[^x]b", "a/b", false},
           {"[ź-ż]", "ż", true},
           {"[ź-ż]", "z", false},
           {"[\\]\\-]", "-", true},
           {"\\*", "*", true},
           {"\\*", "a", false},
           {"\\#a", "#a", true},
           {"\\!a", "!a", true},
           {"# a\n#a", "#a", false},
           {" a \t\r\n b", "a", true},
           {" a \t\r\n b", "b", true},
           {"\xef\xbb\xbf"
            "a",
            "a", true},
           {"a b", "a b", true},
           {"\xff", "\xff", true},
           {"?", "\xff", true},
           {"\xc3\xbf", "\xff", false},
           // The last that fits decides.
           {"*.md\n!README.md", "README.md", false},
           {"*.md\n!README.md", "other.md", true},
           {"*.md\n!README*.md\nREADME-secret.md", "README-secret.md", true},
           {"*.md\nREADME-secret.md\n!README*.md", "README-secret.md", false},
           {"a\n!a/b", "a/b", false},
           {"a\n!a/b", "a/b/c", false},
           {"a\n!a/b", "a/c", true},
           {"!a\na", "a", true},
           {"*\n! src", "src", false},
           // A directory in which an exception may fit something is looked into.
           {"a", "a/", true},
           {"a\n!a/b", "a/", false},
           {"a\n!a/b", "a/c/", true},
           {"a\n!a/*/c", "a/x/", false},
           {"a\n!a/*/c", "a/x/y/", true},
           {"a\n!**/c", "a/x/y/", false},
           {"*\n!src/**", "other/", true},
           {"*\n!src/**", "src/", false},
           {"a\n!a/b\na", "a/", true},
           {"!a/b\na", "a/", true},
       }) {
    EXPECT_EQ(LeavesOut(row.rules, row.path), row.left_out) << row.rules << " of " << row.path;
  }
}

TEST(IgnoreTest, APatternOfManyStarsTakesNoLongerForIt) {
  std::string stars;
  for (int i = 0; i < 2'000; ++i) stars += "*a";
  EXPECT_FALSE(LeavesOut(stars + "b", std::string(4'000, 'a')));
}

TEST(IgnoreTest, WhatIsNoPatternIsRefusedByFileAndLine) {
  EXPECT_EQ(Refusal("a\n\nb[\n"), ".dockerignore:3: the [ has no ]; write \\[ for a [, in 'b['");
  EXPECT_THAT(Refusal("!"), HasSubstr(":1: no pattern follows the !"));
  EXPECT_THAT(Refusal("! "), HasSubstr(":1: no pattern follows the !"));
  EXPECT_THAT(Refusal("[]"), HasSubstr("write \\] for a ]"));
  EXPECT_THAT(Refusal("[-a]"), HasSubstr("\\- for a -"));
  EXPECT_THAT(Refusal("[a-]"), HasSubstr("\\- for a -"));
  EXPECT_THAT(Refusal("[b-a]"), HasSubstr("backwards"));
  EXPECT_THAT(Refusal("a\\"), HasSubstr("nothing follows the \\"));
  EXPECT_THAT(Refusal(std::string_view("a\0b", 3)), HasSubstr("zero byte"));
  EXPECT_EQ(Refusal("\x1b[31m\\"), Refusal("\x1b[31m\\"));
  EXPECT_EQ(Refusal("\x1b[31m\\").find('\x1b'), std::string::npos);
}

class IgnoreFilesTest : public BundleTest {
 protected:
  std::set<std::string> Taken() const {
    const auto left_out = ReadIgnoreFiles(source_);
    EXPECT_TRUE(left_out.ok()) << left_out.status();
    std::set<std::string> taken;
    const auto with = Pack(source_, [&](const std::string& path, bool is_directory) {
      if ((*left_out)(path, is_directory)) return true;
      taken.insert(path);
      return false;
    });
    EXPECT_TRUE(with.ok()) << with.status();
    return taken;
  }
};

TEST_F(IgnoreFilesTest, BothFilesInTheirOrderAndNeitherIsPacked) {
  Write("app.py", "");
  Write("secret.env", "");
  Write("deep/.dockerignore", "");
  Write("deep/secret.env", "");
  Write("cache/x", "");
  Write("cache/keep", "");
  EXPECT_EQ(Taken().size(), 8U);
  Write(".dockerignore", "*.env\ncache\n!.dockerignore\n");
  EXPECT_EQ(Taken(),
            (std::set<std::string>{"app.py", "deep", "deep/.dockerignore", "deep/secret.env"}));
  Write(".grpc-osignore", "!secret.env\n!cache/keep\n**/secret.env\n");
  EXPECT_EQ(Taken(),
            (std::set<std::string>{"app.py", "cache", "cache/keep", "deep", "deep/.dockerignore"}));
}

TEST_F(IgnoreFilesTest, OneThatCannotBeTakenIsNamed) {
  Write(".grpc-osignore", "a\n[\n");
  EXPECT_THAT(std::string(ReadIgnoreFiles(source_).status().message()),
              HasSubstr(At(".grpc-osignore") + ":2: "));
  Write(".grpc-osignore", std::string(kIgnoreFileBytes, 'a'));
  EXPECT_TRUE(ReadIgnoreFiles(source_).ok());
  Write(".dockerignore", std::string(kIgnoreFileBytes + 1, 'a'));
  EXPECT_THAT(std::string(ReadIgnoreFiles(source_ + "/").status().message()),
              HasSubstr(At(".dockerignore") + " is larger than 65536 bytes"));
  std::filesystem::remove(At(".dockerignore"));
  std::filesystem::create_directory(At(".dockerignore"));
  EXPECT_THAT(std::string(ReadIgnoreFiles(source_).status().message()),
              HasSubstr("dockerignore'; make it a readable file, or remove it"));
}

}  // namespace
}  // namespace grpc_os::bundle
