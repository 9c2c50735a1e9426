#include "manifest/env_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace grpc_os::manifest {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::StartsWith;

std::map<std::string, std::string> ValuesOf(const Variables& variables) {
  std::map<std::string, std::string> values;
  for (const auto& [name, given] : variables) values[name] = given.value;
  return values;
}

std::map<std::string, std::string> Parsed(std::string_view text) {
  const absl::StatusOr<Variables> variables = ParseEnv(text, ".env");
  EXPECT_TRUE(variables.ok()) << variables.status();
  return ValuesOf(variables.value_or(Variables()));
}

std::string ErrorOf(std::string_view text) {
  const absl::StatusOr<Variables> variables = ParseEnv(text, ".env");
  EXPECT_EQ(variables.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(variables.status().message());
}

TEST(EnvFile, ReadsNamesAndBareValues) {
  EXPECT_THAT(Parsed("B=2\nA=1\n_x9=a b\n"),
              ElementsAre(Pair("A", "1"), Pair("B", "2"), Pair("_x9", "a b")));
}

TEST(EnvFile, SaysWhereEachValueIs) {
  const auto variables = ParseEnv("A=1\n\nB=2\nA=3\n", "/srv/.env");
  EXPECT_EQ(variables->at("A"), (Given{"3", "/srv/.env:4"}));
  EXPECT_EQ(variables->at("B"), (Given{"2", "/srv/.env:3"}));
}

TEST(EnvFile, PassesOverBlankLinesAndComments) {
  EXPECT_THAT(Parsed("\n  \t\n# A=1\n   # B=2\nC=3"), ElementsAre(Pair("C", "3")));
}

TEST(EnvFile, TakesBlanksAroundTheEqualsSign) {
  EXPECT_THAT(Parsed("  A = 1 \nB\t=\t'2'\n"), ElementsAre(Pair("A", "1"), Pair("B", "2")));
}

TEST(EnvFile, AValueMayBeEmpty) {
  EXPECT_THAT(Parsed("A=\nB=''\nC=\"\"\nD= # nothing\n"),
              ElementsAre(Pair("A", ""), Pair("B", ""), Pair("C", ""), Pair("D", "")));
}

TEST(EnvFile, ACommentAfterABareValueNeedsABlankBeforeIt) {
  EXPECT_THAT(Parsed("A=1 # one\nB=a#b\nC=#c\n"),
              ElementsAre(Pair("A", "1"), Pair("B", "a#b"), Pair("C", "#c")));
}

TEST(EnvFile, ABareValueIsTakenAsItIs) {
  EXPECT_THAT(Parsed("A=it's $HOME \\n \"x\"\nB=a=b==\n"),
              ElementsAre(Pair("A", "it's $HOME \\n \"x\""), Pair("B", "a=b==")));
}

TEST(EnvFile, SingleQuotesKeepAll) {
  EXPECT_THAT(Parsed("A='  a # \"b\" \\n $c ' # comment\n"),
              ElementsAre(Pair("A", "  a # \"b\" \\n $c ")));
}

TEST(EnvFile, DoubleQuotesKnowEscapes) {
  EXPECT_THAT(Parsed(R"(A=" a\nb\tc\rd\\e\"f\$g ' # ")"
                     "\n"),
              ElementsAre(Pair("A", " a\nb\tc\rd\\e\"f$g ' # ")));
}

TEST(EnvFile, TakesExport) {
  EXPECT_THAT(Parsed("export A=1\n  export\tB='2'\n"), ElementsAre(Pair("A", "1"), Pair("B", "2")));
}

TEST(EnvFile, ExportIsANameToo) {
  EXPECT_THAT(Parsed("export=1\nexports=2\n"),
              ElementsAre(Pair("export", "1"), Pair("exports", "2")));
  EXPECT_THAT(Parsed("export = 1\n"), ElementsAre(Pair("export", "1")));
}

TEST(EnvFile, TheLastOfTwoCounts) {
  EXPECT_THAT(Parsed("A=1\nA=2\n"), ElementsAre(Pair("A", "2")));
}

TEST(EnvFile, TakesLineEndsOfWindowsAndAByteOrderMark) {
  EXPECT_THAT(Parsed("\xEF\xBB\xBF"
                     "A=1\r\nB='2'\r\n"),
              ElementsAre(Pair("A", "1"), Pair("B", "2")));
}

TEST(EnvFile, AnEmptyFileHasNothing) { EXPECT_THAT(Parsed(""), IsEmpty()); }

TEST(EnvFile, ErrorsNameFileLineAndColumn) {
  EXPECT_THAT(ErrorOf("A=1\n\n  1B=2\n"), StartsWith(".env:3:3: expected a name"));
  EXPECT_THAT(ErrorOf("A 1\n"), StartsWith(".env:1:3: expected = after A"));
  EXPECT_THAT(ErrorOf("export A\n"), StartsWith(".env:1:9: expected = after A"));
  EXPECT_THAT(ErrorOf("=1\n"), StartsWith(".env:1:1: expected a name"));
  EXPECT_THAT(ErrorOf("A-B=1\n"), StartsWith(".env:1:2: expected = after A"));
  EXPECT_THAT(ErrorOf("A=1\nB=\"2\n"), StartsWith(".env:2:3: this \" is not closed"));
  EXPECT_THAT(ErrorOf("B= '2\n'"), StartsWith(".env:1:4: this ' is not closed"));
  EXPECT_THAT(ErrorOf("B='2' 3\n"), StartsWith(".env:1:7: expected nothing but a comment"));
  EXPECT_THAT(ErrorOf("B=\"a\\x\"\n"), StartsWith(".env:1:5: after a backslash"));
  EXPECT_THAT(ErrorOf("B=\"a\\"), StartsWith(".env:1:5: after a backslash"));
}

TEST(EnvFile, RefusesNulBytesEverywhere) {
  EXPECT_THAT(ErrorOf(std::string_view("A=1\nB=\0x\n", 9)), StartsWith(".env:2:3: a NUL byte"));
  EXPECT_THAT(ErrorOf(std::string_view("# \0\n", 4)), StartsWith(".env:1:3: a NUL byte"));
}

class EnvFileOnDisk : public ::testing::Test {
 protected:
  EnvFileOnDisk() {
    char name[] = "/tmp/env_file_test.XXXXXX";
    fd_ = mkstemp(name);
    path_ = name;
  }
  ~EnvFileOnDisk() override {
    close(fd_);
    std::remove(path_.c_str());
  }
  void Write(std::string_view text) {
    ASSERT_EQ(write(fd_, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }

  int fd_ = -1;
  std::string path_;
};

TEST_F(EnvFileOnDisk, IsReadWhole) {
  const std::string long_value(100'000, 'x');
  Write("A=" + long_value + "\nB=2\n");
  const absl::StatusOr<Variables> variables = ReadEnvFile(path_);
  ASSERT_TRUE(variables.ok()) << variables.status();
  EXPECT_THAT(ValuesOf(*variables), ElementsAre(Pair("A", long_value), Pair("B", "2")));
}

TEST_F(EnvFileOnDisk, ErrorsNameThePath) {
  Write("A\n");
  EXPECT_THAT(std::string(ReadEnvFile(path_).status().message()), StartsWith(path_ + ":1:2: "));
}

TEST_F(EnvFileOnDisk, OneThatIsTooLargeIsRefused) {
  Write(std::string(kEnvFileBytes + 1, '#'));
  const absl::Status status = ReadEnvFile(path_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("larger than 1048576 bytes"));
}

TEST_F(EnvFileOnDisk, OneOfTheLargestSizeIsRead) {
  Write(std::string(kEnvFileBytes, '#'));
  EXPECT_TRUE(ReadEnvFile(path_).ok());
}

TEST(EnvFile, AMissingFileIsNotFound) {
  const absl::Status status = ReadEnvFile("/nonexistent/.env").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("/nonexistent/.env"));
}

TEST(EnvFile, ADirectoryCannotBeRead) { EXPECT_FALSE(ReadEnvFile("/tmp").ok()); }

}  // namespace
}  // namespace grpc_os::manifest
