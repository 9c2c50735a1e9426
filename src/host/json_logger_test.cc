#include "host/json_logger.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/unique_fd.h"

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
  bool Comes(const std::string& text) const {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (Text().find(text) == std::string::npos) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::yield();
    }
    return true;
  }

  std::string directory_;
  std::unique_ptr<JsonLogger> logger_;
};

TEST_F(JsonLoggerTest, ALineIsOneObject) {
  logger_->Write(core::LogLevel::kWarning, "a \"message\"\n", {{"name", "value\x1b"}});
  logger_.reset();
  EXPECT_THAT(Text(),
              AllOf(HasSubstr("\"level\":\"warning\",\"message\":\"a \\\"message\\\"\\u000a\","
                              "\"name\":\"value\\u001b\"}\n"),
                    ::testing::StartsWith("{\"time\":\"")));
}

TEST_F(JsonLoggerTest, ALineIsJsonWhateverItsBytes) {
  logger_->Write(core::LogLevel::kInfo, "gr\xc3\xbc\xc3\x9f", {{"text", "a\xff\xfe\xc3"}});
  logger_.reset();
  EXPECT_THAT(Text(),
              AllOf(HasSubstr("\"gr\xc3\xbc\xc3\x9f\""), HasSubstr("\"a\\ufffd\\ufffd\\ufffd\"")));
}

// A disk that takes nothing: the log is a pipe that nobody reads.
TEST_F(JsonLoggerTest, NobodyWaitsForADiskThatTakesNothing) {
  logger_.reset();
  std::filesystem::remove(Path());
  ASSERT_EQ(mkfifo(Path().c_str(), 0600), 0);
  UniqueFd reader(open(Path().c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  logger_ = *JsonLogger::Open(Path(), core::LogLevel::kInfo);
  const std::string text(1000, 'x');
  // More than the pipe and the queue together hold. It would stop here.
  constexpr int kLines = 3000;
  for (int i = 0; i < kLines; ++i)
    logger_->Write(core::LogLevel::kError, JsonLogger::kEveryLine, {{"text", text}});
  // The disk recovers: what waited is written, and how many lines did not fit.
  int written = 0;
  int dropped = 0;
  std::string rest;
  fcntl(reader.get(), F_SETFL, 0);
  while (written + dropped < kLines) {
    char buffer[65536];
    const ssize_t size = read(reader.get(), buffer, sizeof buffer);
    ASSERT_GT(size, 0);
    rest.append(buffer, static_cast<size_t>(size));
    for (size_t end = 0; (end = rest.find('\n')) != std::string::npos; rest.erase(0, end + 1)) {
      const std::string line = rest.substr(0, end);
      written += line.find("xxx") != std::string::npos ? 1 : 0;
      const size_t at = line.find("\"lines\":\"");
      if (line.find("lines dropped") != std::string::npos)
        dropped += std::stoi(line.substr(at + 9));
    }
  }
  EXPECT_GT(dropped, 0);
  EXPECT_EQ(written + dropped, kLines);
}

TEST_F(JsonLoggerTest, WhatAStrangerCausesIsWrittenSoOftenAndThenCounted) {
  for (int i = 0; i < 10'000; ++i)
    logger_->Write(core::LogLevel::kInfo, "refused", {{"number", std::to_string(i)}});
  logger_->Write(core::LogLevel::kInfo, "another line", {});
  // It comes by itself once the second is over.
  ASSERT_TRUE(Comes("lines left out"));
  logger_.reset();
  const std::string text = Text();
  EXPECT_THAT(text, AllOf(HasSubstr("\"number\":\"0\""), HasSubstr("another line"),
                          HasSubstr("\"kind\":\"info refused\"")));
  int64_t lines = 0;
  int64_t left_out = 0;
  std::stringstream all(text);
  for (std::string line; std::getline(all, line);) {
    lines += line.find("\"refused\"") != std::string::npos ? 1 : 0;
    if (const size_t at = line.find("\"lines\":\""); at != std::string::npos)
      left_out += std::stoi(line.substr(at + 9));
  }
  EXPECT_LT(lines, 1'000);
  EXPECT_EQ(lines + left_out, 10'000);
}

TEST_F(JsonLoggerTest, WhatIsLessComesByItselfAgainAndAgain) {
  for (const char* message : {"first", "second", "third"}) {
    logger_->Write(core::LogLevel::kInfo, message, {});
    ASSERT_TRUE(Comes(message));
  }
}

TEST_F(JsonLoggerTest, NoneIsLostAtTheEnd) {
  constexpr int kEach = 100;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this, t] {
      for (int i = 0; i < kEach; ++i)
        logger_->Write(core::LogLevel::kInfo, JsonLogger::kEveryLine,
                       {{"text", absl::StrCat("line ", t, "-", i, ".")}});
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

TEST_F(JsonLoggerTest, ThereAreFiveFilesOfTenMebibytesAtMost) {
  logger_.reset();
  for (int i = 1; i <= 4; ++i) std::ofstream(directory_ + absl::StrCat("/log.", i, ".jsonl")) << i;
  std::filesystem::resize_file(Path(), 10 << 20);
  logger_ = *JsonLogger::Open(Path(), core::LogLevel::kInfo);
  logger_->Write(core::LogLevel::kInfo, "one more", {});
  logger_.reset();
  size_t files = 0;
  for (const auto& file : std::filesystem::directory_iterator(directory_)) files += file.exists();
  EXPECT_EQ(files, 5u);
  EXPECT_EQ(std::filesystem::file_size(directory_ + "/log.1.jsonl"), 10u << 20);
  EXPECT_THAT(Text(), HasSubstr("one more"));
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
