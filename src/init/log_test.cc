#include "init/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/limits.h"

namespace grpc_os::init {
namespace {

TEST(LogTest, OneJsonObjectPerLine) {
  const int fd = memfd_create("log", MFD_CLOEXEC);
  Log log(UniqueFd(dup(fd)), [] { return UniqueFd(); });
  log.Info("first \"quoted\"");
  log.Info("second\nline");
  std::string text(1000, '\0');
  text.resize(static_cast<size_t>(pread(fd, text.data(), text.size(), 0)));
  close(fd);
  EXPECT_THAT(text, ::testing::MatchesRegex(
                        "\\{\"time\":\"[^\"]+Z\",\"level\":\"info\",\"program\":\"grpc-os-init\","
                        "\"message\":\"first \\\\\"quoted\\\\\"\"\\}\n"
                        "\\{\"time\":[^\n]*\"message\":\"second\\\\u000aline\"\\}\n"));
}

std::string TextOf(int fd) {
  struct stat status {};
  fstat(fd, &status);
  std::string text(static_cast<size_t>(status.st_size), '\0');
  EXPECT_EQ(pread(fd, text.data(), text.size(), 0), status.st_size);
  return text;
}

TEST(LogTest, WhatIsSaidOverAndOverIsCounted) {
  const UniqueFd file(memfd_create("log", MFD_CLOEXEC));
  Log log(UniqueFd(dup(file.get())), [] { return UniqueFd(); });
  for (int i = 0; i < 100'000; ++i) log.Info("refusal", absl::StrCat("refused number ", i));
  log.Info("something else");
  const std::string text = TextOf(file.get());
  // One second at least has its share; a slow machine may take several.
  EXPECT_LT(std::count(text.begin(), text.end(), '\n'), 1'000);
  EXPECT_THAT(text, ::testing::HasSubstr("refused number 0"));
  EXPECT_THAT(text, ::testing::HasSubstr("something else"));
}

TEST(LogTest, AFileThatHasGrownTooLargeIsBegunAnew) {
  const UniqueFd first(memfd_create("log", MFD_CLOEXEC));
  const UniqueFd second(memfd_create("log", MFD_CLOEXEC));
  ASSERT_EQ(ftruncate(first.get(), limits::kSystemLogBytes - 10), 0);
  lseek(first.get(), 0, SEEK_END);
  int opened = 0;
  Log log(UniqueFd(dup(first.get())), [&] {
    ++opened;
    return UniqueFd(dup(second.get()));
  });
  log.Info("the last line of the first");
  log.Info("the first of the second");
  EXPECT_EQ(opened, 1);
  EXPECT_THAT(TextOf(first.get()), ::testing::EndsWith("the last line of the first\"}\n"));
  EXPECT_THAT(TextOf(second.get()), ::testing::EndsWith("the first of the second\"}\n"));
}

TEST(LogTest, AFileThatCouldNotBeOpenedIsOpenedOnceItCanBe) {
  const UniqueFd file(memfd_create("log", MFD_CLOEXEC));
  int tries = 0;
  const auto open = [&]() -> absl::StatusOr<UniqueFd> {
    if (++tries < 3) return absl::ResourceExhaustedError("no space left on device");
    return UniqueFd(dup(file.get()));
  };
  Log log(UniqueFd(), open, /*retry_ms=*/0);
  for (const char* line : {"first", "second", "third", "fourth"}) log.Info(line);
  EXPECT_EQ(tries, 3);
  EXPECT_THAT(TextOf(file.get()), ::testing::AllOf(::testing::HasSubstr("\"third\""),
                                                   ::testing::HasSubstr("\"fourth\""),
                                                   ::testing::Not(::testing::HasSubstr("second"))));
  tries = 0;
  Log patient(UniqueFd(), open, /*retry_ms=*/3'600'000);
  for (const char* line : {"first", "second", "third", "fourth"}) patient.Info(line);
  EXPECT_EQ(tries, 1) << "not with each line";
}

TEST(LogTest, StringsAreJson) {
  EXPECT_EQ(JsonString("a\\b\x01\x7f"), "\"a\\\\b\\u0001\\u007f\"");
  EXPECT_EQ(JsonString("\xff"), "\"\\ufffd\"");
}

}  // namespace
}  // namespace grpc_os::init
