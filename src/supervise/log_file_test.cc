#include "supervise/log_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace grpc_os::supervise {
namespace {

namespace fs = std::filesystem;
using protocol::LogStream;

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kStart = 1'700'000'000 * kSecond;

// A disk with so much room left, and a length of each write.
struct Disk {
  int64_t room = INT64_MAX;
  int error = ENOSPC;
  ssize_t Write(int fd, const void* data, size_t size) {
    if (room <= 0) {
      errno = error;
      return -1;
    }
    const ssize_t wrote = write(fd, data, std::min<size_t>(size, static_cast<size_t>(room)));
    if (wrote > 0 && room != INT64_MAX) room -= wrote;
    return wrote;
  }
};

class LogFileTest : public ::testing::Test {
 protected:
  LogFileTest() {
    std::string name = (fs::temp_directory_path() / "log_file_test.XXXXXX").string();
    root_ = mkdtemp(name.data());
    directory_ = root_ + "/logs/proc_1";
  }
  ~LogFileTest() override { fs::remove_all(root_); }

  LogFile Make(int64_t max_bytes = 1 << 20) {
    return LogFile(directory_, max_bytes, [this](int fd, const void* data, size_t size) {
      return disk_.Write(fd, data, size);
    });
  }
  static void Print(LogFile& log, const std::string& text, int64_t time_ns = kStart) {
    log.Append(time_ns, LogStream::kStdout, {text, false, static_cast<int>(text.size()) + 1});
  }
  std::string Path(uint64_t number) const {
    return directory_ + "/" + protocol::SegmentName(number);
  }
  static std::string Read(const std::string& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }
  static void PrintPart(LogFile& log, LogStream stream, const std::string& text) {
    log.Append(kStart, stream, {text, true, static_cast<int>(text.size())});
  }
  // What the payload wrote to a stream, put together again.
  std::string Joined(LogStream stream) const {
    std::string all;
    for (const uint64_t number : Numbers()) {
      std::istringstream lines(Read(Path(number)));
      for (std::string line; std::getline(lines, line);) {
        const auto parsed = protocol::ParseLogLine(line);
        if (!parsed || parsed->stream != stream) continue;
        all += std::string(parsed->text) + (parsed->partial ? "" : "\n");
      }
    }
    return all;
  }
  std::vector<uint64_t> Numbers() const {
    std::vector<uint64_t> numbers;
    for (const auto& entry : fs::directory_iterator(directory_)) {
      numbers.push_back(*protocol::SegmentNumber(entry.path().filename().string()));
    }
    std::sort(numbers.begin(), numbers.end());
    return numbers;
  }
  // The texts of all lines, those of the supervisor marked; anything malformed fails the test.
  std::vector<std::string> Texts() const {
    std::vector<std::string> texts;
    for (const uint64_t number : Numbers()) {
      const std::string content = Read(Path(number));
      EXPECT_TRUE(content.empty() || content.back() == '\n') << "a torn line in " << number;
      std::istringstream lines(content);
      for (std::string line; std::getline(lines, line);) {
        const auto parsed = protocol::ParseLogLine(line);
        EXPECT_TRUE(parsed.has_value()) << line;
        if (!parsed) continue;
        texts.push_back((parsed->stream == LogStream::kSystem ? "# " : "") +
                        std::string(parsed->text));
      }
    }
    return texts;
  }
  int64_t LoggedBytes() const {
    int64_t sum = 0;
    for (const std::string& text : Texts()) {
      if (!text.starts_with("# ")) sum += static_cast<int64_t>(text.size()) + 1;
    }
    return sum;
  }

  std::string root_;
  std::string directory_;
  Disk disk_;
};

TEST_F(LogFileTest, WritesLinesInTheFormatAndMakesItsDirectory) {
  LogFile log = Make();
  Print(log, "hello");
  log.AppendSystem(kStart, "started pid 7 (attempt 1)");
  log.Append(kStart, LogStream::kStderr, {"wait", true, 4});
  log.Flush();
  EXPECT_EQ(Read(Path(1)),
            "2023-11-14T22:13:20.000000000Z stdout F hello\n"
            "2023-11-14T22:13:20.000000000Z system F started pid 7 (attempt 1)\n"
            "2023-11-14T22:13:20.000000000Z stderr P wait\n");
}

TEST_F(LogFileTest, ABatchIsOneWrite) {
  int writes = 0;
  LogFile log(directory_, 1 << 20, [&](int fd, const void* data, size_t size) {
    ++writes;
    return write(fd, data, size);
  });
  for (int i = 0; i < 100; ++i) Print(log, "line");
  log.Flush();
  EXPECT_EQ(writes, 1);
}

TEST_F(LogFileTest, BeginsASegmentWhenTheNextLineWouldPassAFifthAndKeepsFive) {
  constexpr int64_t kSegment = 480;  // ten of the lines below
  {
    LogFile log = Make(kSegment * 5);
    for (int i = 0; i < 100; ++i) {
      char text[16];
      snprintf(text, sizeof text, "%07d", i);
      Print(log, text);
      if (i % 7 == 0) log.Flush();
    }
    log.Flush();
  }
  EXPECT_EQ(Numbers(), (std::vector<uint64_t>{6, 7, 8, 9, 10}));
  for (const uint64_t number : Numbers()) {
    EXPECT_LE(fs::file_size(Path(number)), static_cast<uint64_t>(kSegment));
  }
  const std::vector<std::string> texts = Texts();
  ASSERT_EQ(texts.size(), 50u);
  EXPECT_EQ(texts.front(), "0000050");
  EXPECT_EQ(texts.back(), "0000099");
}

TEST_F(LogFileTest, ALineLongerThanASegmentHasOneOfItsOwn) {
  LogFile log = Make(int64_t{5} * 100);
  Print(log, "before");
  Print(log, std::string(1000, 'x'));
  Print(log, "after");
  log.Flush();
  EXPECT_EQ(Numbers(), (std::vector<uint64_t>{1, 2, 3}));
  EXPECT_EQ(Texts(), (std::vector<std::string>{"before", std::string(1000, 'x'), "after"}));
}

TEST_F(LogFileTest, GoesOnInTheNewestSegment) {
  {
    LogFile log = Make();
    Print(log, "one");
    log.Flush();
  }
  LogFile log = Make();
  Print(log, "two");
  log.Flush();
  EXPECT_EQ(Numbers(), (std::vector<uint64_t>{1}));
  EXPECT_EQ(Texts(), (std::vector<std::string>{"one", "two"}));
}

TEST_F(LogFileTest, EndsTheLineInWhichTheWriterBeforeDied) {
  fs::create_directories(directory_);
  std::ofstream(Path(3)) << "2023-11-14T22:13:20.000000000Z stdout F ha";
  LogFile log = Make();
  Print(log, "next");
  log.Flush();
  EXPECT_EQ(Texts(), (std::vector<std::string>{"ha", "next"}));
}

TEST_F(LogFileTest, DoesNotWriteThroughALink) {
  fs::create_directories(directory_);
  const std::string victim = root_ + "/victim";
  std::ofstream(victim) << "precious\n";
  fs::create_symlink(victim, Path(4));
  LogFile log = Make();
  Print(log, "hello");
  log.Flush();
  EXPECT_EQ(Read(victim), "precious\n");
  EXPECT_NE(Read(Path(5)).find("hello"), std::string::npos);
}

TEST_F(LogFileTest, DoesNotWriteIntoAFifo) {
  fs::create_directories(directory_);
  ASSERT_EQ(mkfifo(Path(2).c_str(), 0600), 0);
  LogFile log = Make();
  Print(log, "hello");
  log.Flush();
  EXPECT_NE(Read(Path(3)).find("hello"), std::string::npos);
}

TEST_F(LogFileTest, AReplacedNextSegmentIsPassedOver) {
  LogFile log = Make(int64_t{5} * 60);
  Print(log, "one");
  log.Flush();
  const std::string victim = root_ + "/victim";
  std::ofstream(victim) << "precious\n";
  fs::create_symlink(victim, Path(2));
  Print(log, "two");
  log.Flush();
  EXPECT_EQ(Read(victim), "precious\n");
  EXPECT_NE(Read(Path(3)).find("two"), std::string::npos);
}

TEST_F(LogFileTest, GoesOnAfterSomeoneRemovedTheSegmentOrTheDirectory) {
  LogFile log = Make();
  Print(log, "one");
  log.Flush();
  fs::remove(Path(1));
  Print(log, "two");
  log.Flush();
  EXPECT_EQ(Texts(), (std::vector<std::string>{"two"}));
  fs::remove_all(root_ + "/logs");
  Print(log, "three");
  log.Flush();
  EXPECT_EQ(Texts(), (std::vector<std::string>{"three"}));
  EXPECT_EQ(log.dropped_bytes(), 0);
}

TEST_F(LogFileTest, WhatAFullDiskDropsIsCountedToTheByteAndToldAfterwards) {
  LogFile log = Make();
  Print(log, "kept");
  log.Flush();
  disk_.room = 60;  // one line of 46 bytes and a part of the next
  Print(log, "first");
  Print(log, "second");
  Print(log, "third");
  log.Flush();
  EXPECT_TRUE(log.failing());
  EXPECT_EQ(log.dropped_bytes(), 7 + 6);
  Print(log, "fourth", kStart + kSecond);
  disk_.room = 0;
  log.Flush();
  EXPECT_EQ(log.dropped_bytes(), 7 + 6 + 7);
  disk_.room = INT64_MAX;
  Print(log, "fifth", kStart + 2 * kSecond);
  log.Flush();
  EXPECT_FALSE(log.failing());
  EXPECT_EQ(Texts(), (std::vector<std::string>{
                         "kept", "first",
                         "# 20 bytes of output were dropped: No space left on device", "fifth"}));
}

TEST_F(LogFileTest, ATryNeedsATenthOfASecond) {
  LogFile log = Make();
  disk_.room = 0;
  Print(log, "a");
  log.Flush();
  disk_.room = INT64_MAX;
  Print(log, "bb", kStart + kSecond / 20);
  log.Flush();
  EXPECT_TRUE(log.failing());
  EXPECT_EQ(log.dropped_bytes(), 5);
  Print(log, "c", kStart + kSecond / 10);
  log.Flush();
  EXPECT_EQ(Texts(), (std::vector<std::string>{
                         "# 5 bytes of output were dropped: No space left on device", "c"}));
}

TEST_F(LogFileTest, RetryTellsOfTheLossWithoutNewOutput) {
  LogFile log = Make();
  disk_.room = 0;
  disk_.error = EROFS;
  Print(log, "a");
  log.Flush();
  log.Retry(kStart + kSecond);
  EXPECT_TRUE(log.failing());
  disk_.room = 20;  // not enough for the line about it
  log.Retry(kStart + 2 * kSecond);
  EXPECT_TRUE(log.failing());
  disk_.room = INT64_MAX;
  log.Retry(kStart + 3 * kSecond);
  EXPECT_FALSE(log.failing());
  EXPECT_EQ(Texts(),
            (std::vector<std::string>{"# 2 bytes of output were dropped: Read-only file system"}));
}

TEST_F(LogFileTest, LostLinesOfTheSupervisorAreNotOutput) {
  LogFile log = Make();
  disk_.room = 0;
  log.AppendSystem(kStart, "started pid 1 (attempt 1)");
  log.Flush();
  EXPECT_TRUE(log.failing());
  EXPECT_EQ(log.dropped_bytes(), 0);
  disk_.room = INT64_MAX;
  Print(log, "x", kStart + kSecond);
  log.Flush();
  EXPECT_EQ(Texts(), (std::vector<std::string>{"x"}));
}

TEST_F(LogFileTest, WrittenAndDroppedAreTogetherWhatCameWhateverTheDiskDoes) {
  LogFile log = Make(int64_t{5} * 4096);
  uint32_t state = 42;
  const auto random = [&state] { return (state = state * 1664525 + 1013904223) >> 16; };
  int64_t came = 0;
  for (int i = 0; i < 2000; ++i) {
    if (random() % 5 == 0) {
      disk_.room = random() % 3 == 0 ? 0 : static_cast<int64_t>(random() % 500);
    }
    if (random() % 20 == 0) disk_.room = 300;
    const std::string text(random() % 5, 'x');
    Print(log, text, kStart + i * kSecond);
    came += static_cast<int64_t>(text.size()) + 1;
    if (random() % 3 == 0) log.Flush();
    if (i > 100 && Numbers().size() == 5) break;  // before anything is rotated away
  }
  log.Flush();
  ASSERT_EQ(Numbers().front(), 1u);
  EXPECT_GT(log.dropped_bytes(), 100);
  EXPECT_GT(LoggedBytes(), 100);
  EXPECT_EQ(LoggedBytes() + log.dropped_bytes(), came);
}

TEST_F(LogFileTest, EndsTheLinesThatTheWriterBeforeCouldNotEnd) {
  {
    LogFile log = Make();
    PrintPart(log, LogStream::kStderr, "FATAL: ");
    PrintPart(log, LogStream::kStderr, "disk");
    PrintPart(log, LogStream::kStdout, "password: ");
    log.AppendSystem(kStart, "stopping (TERM)");
    log.Flush();
  }
  for (int run = 0; run < 2; ++run) {  // once is enough
    LogFile log = Make();
    log.AppendSystem(kStart, "supervisor lost");
    log.Flush();
  }
  EXPECT_THAT(Texts(), ::testing::ElementsAre("FATAL: ", "disk", "password: ", "# stopping (TERM)",
                                              "", "", "# supervisor lost", "# supervisor lost"));
  EXPECT_EQ(Joined(LogStream::kStdout), "password: \n");
  EXPECT_EQ(Joined(LogStream::kStderr), "FATAL: disk\n");
}

TEST_F(LogFileTest, EndsALineOfTheSegmentBeforeAndOneThatIsTornInItsPart) {
  {
    LogFile log = Make(5 * 150);
    PrintPart(log, LogStream::kStderr, "cannot bind");
    Print(log, std::string(60, 'x'));
    Print(log, "y");
    log.Flush();
    ASSERT_EQ(Numbers().size(), 2u);
  }
  {
    LogFile log = Make();
    PrintPart(log, LogStream::kStdout, "torn here");
    log.Flush();
  }
  fs::resize_file(Path(2), fs::file_size(Path(2)) - 5);
  LogFile log = Make();
  Print(log, "next");
  log.Append(kStart, LogStream::kStderr, {"error", false, 6});
  log.Flush();
  EXPECT_EQ(Joined(LogStream::kStdout), std::string(60, 'x') + "\ny\ntorn \nnext\n");
  EXPECT_EQ(Joined(LogStream::kStderr), "cannot bind\nerror\n");
}

TEST_F(LogFileTest, EndsALineWhoseEndWasDropped) {
  LogFile log = Make();
  PrintPart(log, LogStream::kStdout, "half");
  log.Flush();
  disk_.room = 0;
  Print(log, "its end");
  log.Flush();
  disk_.room = INT64_MAX;
  Print(log, "next", kStart + kSecond);
  log.Flush();
  EXPECT_EQ(Joined(LogStream::kStdout), "half\nnext\n");
  EXPECT_THAT(Texts()[2], ::testing::StartsWith("# 8 bytes of output were dropped"));
}

}  // namespace
}  // namespace grpc_os::supervise
