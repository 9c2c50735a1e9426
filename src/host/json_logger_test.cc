#include "host/json_logger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"

namespace grpc_os::host {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class JsonLoggerTest : public ::testing::Test {
 protected:
  JsonLoggerTest() {
    char directory[] = "/tmp/json-logger-XXXXXX";
    directory_ = mkdtemp(directory);
    auto logger = JsonLogger::Open(Path(), core::LogLevel::kInfo);
    EXPECT_TRUE(logger.ok()) << logger.status();
    logger_ = *std::move(logger);
  }
  ~JsonLoggerTest() override { std::filesystem::remove_all(directory_); }

  std::string Path() const { return directory_ + "/log.jsonl"; }
  std::string Text() const {
    std::ifstream file(Path());
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }

  std::string directory_;
  std::unique_ptr<JsonLogger> logger_;
};

TEST_F(JsonLoggerTest, ALineIsOneObject) {
  logger_->Write(core::LogLevel::kWarning, "a \"message\"\n", {{"name", "value\x1b"}});
  EXPECT_THAT(Text(),
              AllOf(HasSubstr("\"level\":\"warning\",\"message\":\"a \\\"message\\\"\\u000a\","
                              "\"name\":\"value\\u001b\"}\n"),
                    ::testing::StartsWith("{\"time\":\"")));
}

TEST_F(JsonLoggerTest, AWarningIsThereAtOnceWithWhatCameBefore) {
  logger_->Write(core::LogLevel::kInfo, "before", {});
  logger_->Write(core::LogLevel::kWarning, "warned", {});
  EXPECT_THAT(Text(), AllOf(HasSubstr("before"), HasSubstr("warned")));
}

TEST_F(JsonLoggerTest, WhatIsLessComesByItselfAgainAndAgain) {
  for (const char* message : {"first", "second", "third"}) {
    logger_->Write(core::LogLevel::kInfo, message, {});
    while (Text().find(message) == std::string::npos) std::this_thread::yield();
  }
}

TEST_F(JsonLoggerTest, NoneIsLostAtTheEnd) {
  constexpr int kEach = 100;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this, t] {
      for (int i = 0; i < kEach; ++i)
        logger_->Write(core::LogLevel::kInfo, absl::StrCat("line ", t, "-", i, "."), {});
    });
  }
  for (auto& thread : threads) thread.join();
  logger_.reset();
  const std::string text = Text();
  for (int t = 0; t < 4; ++t) {
    for (int i = 0; i < kEach; ++i)
      ASSERT_THAT(text, HasSubstr(absl::StrCat("\"line ", t, "-", i, ".\"")));
  }
}

TEST_F(JsonLoggerTest, TheLevelChangesWhileItRuns) {
  logger_->Write(core::LogLevel::kDebug, "hidden", {});
  logger_->SetLevel(core::LogLevel::kDebug);
  logger_->Write(core::LogLevel::kDebug, "shown", {});
  logger_.reset();
  EXPECT_THAT(Text(), AllOf(Not(HasSubstr("hidden")), HasSubstr("shown")));
}

}  // namespace
}  // namespace grpc_os::host
