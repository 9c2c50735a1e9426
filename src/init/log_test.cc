#include "init/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

namespace grpc_os::init {
namespace {

TEST(LogTest, OneJsonObjectPerLine) {
  const int fd = memfd_create("log", MFD_CLOEXEC);
  Log log{UniqueFd(dup(fd))};
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

TEST(LogTest, StringsAreJson) {
  EXPECT_EQ(JsonString("a\\b\x01\x7f"), "\"a\\\\b\\u0001\\u007f\"");
  EXPECT_EQ(JsonString("\xff"), "\"\\ufffd\"");
}

}  // namespace
}  // namespace grpc_os::init
