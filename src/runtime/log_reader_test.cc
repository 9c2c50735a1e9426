#include "runtime/log_reader.h"

#include <dirent.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/unique_fd.h"
#include "protocol/log_format.h"

namespace grpc_os::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kProcess[] = "proc_1";
// For conditions that come true at once unless something is broken.
constexpr auto kPatience = std::chrono::seconds(30);

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = "/tmp/log_reader_test.XXXXXX";
    path_ = mkdtemp(name.data());
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::string Line(const std::string& text) {
  std::string line;
  protocol::AppendLogLine({1'000'000'007, protocol::LogStream::kStdout, false, text}, line);
  return line;
}

// Writes segments as supervise does.
class Writer {
 public:
  explicit Writer(const std::string& logs, const std::string& process = kProcess)
      : directory_(absl::StrCat(logs, "/", process)) {
    std::filesystem::create_directories(directory_);
  }

  std::string PathOf(uint64_t segment) const {
    return absl::StrCat(directory_, "/", protocol::SegmentName(segment));
  }
  void Write(const std::string& bytes) {
    if (!file_)
      file_ = UniqueFd(open(PathOf(segment_).c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600));
    ASSERT_EQ(write(file_.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }
  void WriteLine(const std::string& text) { Write(Line(text)); }
  void Truncate(int64_t size) { ASSERT_EQ(truncate(PathOf(segment_).c_str(), size), 0); }
  void Rotate() {
    file_ = UniqueFd(open(PathOf(++segment_).c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600));
    if (segment_ > limits::kLogFiles) unlink(PathOf(segment_ - limits::kLogFiles).c_str());
  }
  const std::string& directory() const { return directory_; }

 private:
  const std::string directory_;
  uint64_t segment_ = 1;
  UniqueFd file_;
};

// A client of one tail. `eager` ones ask for the next batch as soon as they have one.
class Client {
 public:
  Client(LogReader& reader, LogReader::Options options, bool eager = true) : eager_(eager) {
    auto tail = reader.Start(
        std::move(options), [this](LogBatch batch) { OnBatch(std::move(batch)); },
        [this](const absl::Status& status) { OnEnd(status); });
    std::lock_guard lock(mutex_);
    tail_ = std::move(tail);
    changed_.notify_all();
  }
  ~Client() {
    tail_->Cancel();
    WaitForEnd();
  }

  void Continue() { tail_->Continue(); }
  void Cancel() { tail_->Cancel(); }
  void Finish() { tail_->Finish(); }

  void WaitForCount(size_t count) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, kPatience, [&] { return texts_.size() >= count; }))
        << texts_.size() << " lines of " << count << " came";
  }
  // What was read, once there are `count` lines.
  std::vector<std::string> WaitForLines(size_t count) {
    WaitForCount(count);
    return texts();
  }
  std::vector<LogBatch> WaitForBatches(size_t count) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, kPatience, [&] { return batches_.size() >= count; }));
    return batches_;
  }
  // Its code only: what a Status counts within the library, ThreadSanitizer cannot see.
  absl::StatusCode WaitForEnd() {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, kPatience, [&] { return end_.has_value(); }));
    return end_.value_or(absl::StatusCode::kUnknown);
  }
  std::vector<std::string> texts() {
    std::lock_guard lock(mutex_);
    return texts_;
  }
  size_t line_count() {
    std::lock_guard lock(mutex_);
    return texts_.size();
  }
  std::vector<LogBatch> batches() {
    std::lock_guard lock(mutex_);
    return batches_;
  }
  int ends() {
    std::lock_guard lock(mutex_);
    return ends_;
  }

 private:
  void OnBatch(LogBatch batch) {
    std::unique_lock lock(mutex_);
    EXPECT_FALSE(end_.has_value()) << "a batch after the end";
    for (const LogEntry& entry : batch.entries) texts_.push_back(entry.text);
    batches_.push_back(std::move(batch));
    changed_.notify_all();
    if (!eager_) return;
    changed_.wait(lock, [&] { return tail_ != nullptr; });
    tail_->Continue();
  }
  void OnEnd(const absl::Status& status) {
    std::lock_guard lock(mutex_);
    end_ = status.code();
    ++ends_;
    changed_.notify_all();
  }

  const bool eager_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<LogReader::Tail> tail_;
  std::vector<std::string> texts_;
  std::vector<LogBatch> batches_;
  std::optional<absl::StatusCode> end_;
  int ends_ = 0;
};

class LogReaderTest : public ::testing::Test {
 protected:
  std::vector<std::string> ReadAll(LogReader::Options options) {
    Client client(reader_, std::move(options));
    EXPECT_EQ(client.WaitForEnd(), absl::StatusCode::kOk);
    return client.texts();
  }
  absl::StatusCode EndOf(LogReader::Options options) {
    Client client(reader_, std::move(options));
    return client.WaitForEnd();
  }

  TemporaryDirectory root_;
  const std::string logs_ = root_.path() + "/logs";
  LogReader reader_{logs_};
};

std::vector<std::string> LastOf(const std::vector<std::string>& all, int64_t count) {
  const int64_t size = static_cast<int64_t>(all.size());
  return {all.end() - std::clamp<int64_t>(count, 0, size), all.end()};
}

TEST_F(LogReaderTest, BeginsWithTheLastLinesOverSegments) {
  Writer writer(logs_);
  std::vector<std::string> all;
  for (int segment = 0; segment < 4; ++segment) {
    if (segment > 0) writer.Rotate();
    for (int i = 0; i < 40; ++i) {
      // Several blocks of 64 KiB per segment; lines of all sizes.
      all.push_back(absl::StrCat("line ", all.size(), " ", std::string((i * 997) % 16'000, 'x')));
      writer.WriteLine(all.back());
    }
  }
  for (const int64_t lines : {-1, 0, 1, 2, 39, 40, 41, 80, 100, 159, 160, 161, 1'000'000}) {
    EXPECT_EQ(ReadAll({.process_id = kProcess, .lines = lines}), LastOf(all, lines)) << lines;
  }
}

TEST_F(LogReaderTest, TheEmptyEndOfALineIsCountedWithThePartBeforeIt) {
  std::string part;
  protocol::AppendLogLine({1, protocol::LogStream::kStdout, true, "FATAL"}, part);
  Writer writer(logs_);
  writer.WriteLine("before");
  writer.WriteLine("");  // a line of its own
  writer.Write(part);
  writer.WriteLine("");
  writer.WriteLine("next run");
  const std::vector<std::string> all = {"before", "", "FATAL", "", "next run"};
  const int64_t shown[] = {1, 3, 4, 5, 5};
  for (int64_t lines = 1; lines <= 5; ++lines) {
    EXPECT_EQ(ReadAll({.process_id = kProcess, .lines = lines}), LastOf(all, shown[lines - 1]))
        << lines;
  }
}

// Wherever the blocks that are read from behind begin.
TEST_F(LogReaderTest, TheEmptyEndOfALineIsCountedWithThePartBeforeItAcrossBlocks) {
  std::string part;
  protocol::AppendLogLine({1, protocol::LogStream::kStdout, true, "FATAL"}, part);
  const size_t end = Line("").size();
  constexpr size_t kBlock = 64 << 10;
  constexpr size_t kLines = 8;
  for (size_t before = 0; before <= part.size() + end + 2; ++before) {
    Writer writer(logs_);
    writer.WriteLine(std::string(kBlock / 8, 'b'));
    writer.Write(part);
    writer.WriteLine("");
    // The last block begins `before` bytes before the end of these.
    const size_t wanted = kBlock + 1 - before;
    const size_t overhead = kLines * Line("").size();
    for (size_t i = 0; i < kLines; ++i) {
      const size_t size = (wanted - overhead) / kLines;
      writer.WriteLine(std::string(i > 0 ? size : wanted - overhead - size * (kLines - 1), 'x'));
    }
    const std::vector<std::string> read = ReadAll({.process_id = kProcess, .lines = kLines + 1});
    ASSERT_EQ(read.size(), kLines + 2) << before;
    EXPECT_EQ(read[0], "FATAL");
    EXPECT_EQ(read[1], "");
    std::filesystem::remove_all(writer.directory());
  }
}

TEST_F(LogReaderTest, GivesTimeStreamAndPartial) {
  Writer writer(logs_);
  std::string lines;
  protocol::AppendLogLine({42, protocol::LogStream::kStderr, true, "a"}, lines);
  protocol::AppendLogLine({43, protocol::LogStream::kSystem, false, ""}, lines);
  writer.Write(lines);
  Client client(reader_, {.process_id = kProcess});
  EXPECT_EQ(client.WaitForEnd(), absl::StatusCode::kOk);
  ASSERT_EQ(client.batches().size(), 1u);
  const LogBatch batch = client.batches()[0];
  ASSERT_EQ(batch.entries.size(), 2u);
  EXPECT_EQ(batch.entries[0].time_ns, 42);
  EXPECT_EQ(batch.entries[0].stream, LogEntry::Stream::kStderr);
  EXPECT_TRUE(batch.entries[0].partial);
  EXPECT_EQ(batch.entries[1].stream, LogEntry::Stream::kSystem);
  EXPECT_FALSE(batch.entries[1].partial);
  EXPECT_FALSE(batch.gap);
  EXPECT_EQ(batch.cursor, absl::StrCat("1:", lines.size()));
}

TEST_F(LogReaderTest, BatchesAreBounded) {
  Writer writer(logs_);
  for (int i = 0; i < 100; ++i) writer.WriteLine(std::string(16'000, 'x'));
  Client client(reader_, {.process_id = kProcess, .lines = 100});
  EXPECT_EQ(client.WaitForEnd(), absl::StatusCode::kOk);
  EXPECT_EQ(client.line_count(), 100u);
  EXPECT_GE(client.batches().size(), 6u);
  for (const LogBatch& batch : client.batches()) {
    size_t bytes = 0;
    for (const LogEntry& entry : batch.entries) bytes += entry.text.size();
    EXPECT_LE(bytes, static_cast<size_t>(limits::kStreamChunkBytes));
  }
}

TEST_F(LogReaderTest, ResumesAtEachCursor) {
  Writer writer(logs_);
  std::vector<std::string> all;
  for (int i = 0; i < 90; ++i) {
    if (i % 30 == 29) writer.Rotate();
    all.push_back(absl::StrCat(i, std::string(10'000, 'x')));
    writer.WriteLine(all.back());
  }
  Client client(reader_, {.process_id = kProcess, .lines = 1000});
  EXPECT_EQ(client.WaitForEnd(), absl::StatusCode::kOk);
  size_t read = 0;
  ASSERT_GT(client.batches().size(), 2u);
  for (const LogBatch& batch : client.batches()) {
    read += batch.entries.size();
    EXPECT_EQ(ReadAll({.process_id = kProcess, .cursor = batch.cursor}),
              LastOf(all, static_cast<int64_t>(all.size() - read)));
  }
  EXPECT_EQ(read, all.size());
}

TEST_F(LogReaderTest, RefusesBadCursors) {
  Writer writer(logs_);
  writer.WriteLine("one");
  const size_t size = Line("one").size();
  for (const std::string& cursor :
       {std::string("x"), std::string("0:0"), std::string("1:-1"), std::string("2:0"),
        absl::StrCat("1:", size - 1), absl::StrCat("1:", size + 1), std::string("1:5")}) {
    EXPECT_EQ(EndOf({.process_id = kProcess, .cursor = cursor}), absl::StatusCode::kOutOfRange)
        << cursor;
  }
  EXPECT_THAT(ReadAll({.process_id = kProcess, .cursor = absl::StrCat("1:", size)}), IsEmpty());
  EXPECT_EQ(EndOf({.process_id = "proc_never", .cursor = "1:0"}), absl::StatusCode::kOutOfRange);
}

TEST_F(LogReaderTest, RefusesWhatIsNoProcessId) {
  for (const char* id : {"", "..", "system", "proc_1/../proc_2", "/etc"}) {
    EXPECT_EQ(EndOf({.process_id = id}), absl::StatusCode::kInvalidArgument) << id;
  }
}

TEST_F(LogReaderTest, ProcessWithoutALogHasAnEmptyOne) {
  EXPECT_THAT(ReadAll({.process_id = kProcess}), IsEmpty());
}

TEST_F(LogReaderTest, FollowingWaitsForTheFirstLine) {
  Client client(reader_, {.process_id = kProcess, .follow = true});
  Client none(reader_, {.process_id = kProcess, .lines = -1, .follow = true});
  // What is asked for later is answered later: by now the two wait.
  EXPECT_THAT(ReadAll({.process_id = "proc_2"}), IsEmpty());
  Writer writer(logs_);
  writer.WriteLine("first");
  EXPECT_THAT(client.WaitForLines(1), ElementsAre("first"));
  EXPECT_THAT(none.WaitForLines(1), ElementsAre("first"));
  writer.WriteLine("second");
  EXPECT_THAT(client.WaitForLines(2), ElementsAre("first", "second"));
}

TEST_F(LogReaderTest, NeverGivesATornLine) {
  Writer writer(logs_);
  writer.WriteLine("whole");
  const std::string line = Line("written in two parts");
  writer.Write(line.substr(0, 45));
  Client client(reader_, {.process_id = kProcess, .follow = true});
  EXPECT_THAT(client.WaitForLines(1), ElementsAre("whole"));
  EXPECT_THAT(ReadAll({.process_id = kProcess}), ElementsAre("whole"));
  writer.Write(line.substr(45));
  EXPECT_THAT(client.WaitForLines(2), ElementsAre("whole", "written in two parts"));
}

TEST_F(LogReaderTest, LineThatWasTakenBackIsNotGiven) {
  Writer writer(logs_);
  writer.WriteLine("whole");
  writer.Write(Line("no space for this").substr(0, 45));
  Client client(reader_, {.process_id = kProcess, .follow = true});
  EXPECT_THAT(client.WaitForLines(1), ElementsAre("whole"));
  writer.Truncate(static_cast<int64_t>(Line("whole").size()));
  writer.WriteLine("after");
  EXPECT_THAT(client.WaitForLines(2), ElementsAre("whole", "after"));
}

TEST_F(LogReaderTest, LinesThatWereTakenBackAfterTheyWereGivenDoNotComeAgain) {
  Writer writer(logs_);
  writer.WriteLine("a");
  writer.WriteLine("b");
  Client client(reader_, {.process_id = kProcess, .follow = true});
  EXPECT_THAT(client.WaitForLines(2), ElementsAre("a", "b"));
  writer.Truncate(static_cast<int64_t>(Line("a").size()));
  // The reader looks when it is told of the truncation; the mark comes after that.
  Writer mark(logs_, "proc_2");
  mark.WriteLine("mark");
  EXPECT_THAT(ReadAll({.process_id = "proc_2"}), ElementsAre("mark"));
  writer.WriteLine("c");
  EXPECT_THAT(client.WaitForLines(3), ElementsAre("a", "b", "c"));
}

TEST_F(LogReaderTest, LineThatWasNeverFinishedIsNotGiven) {
  Writer writer(logs_);
  writer.WriteLine("whole");
  writer.Write(Line("cut short").substr(0, 45));
  Client client(reader_, {.process_id = kProcess, .follow = true});
  EXPECT_THAT(client.WaitForLines(1), ElementsAre("whole"));
  writer.Rotate();
  writer.WriteLine("next");
  EXPECT_THAT(client.WaitForLines(2), ElementsAre("whole", "next"));
  EXPECT_THAT(ReadAll({.process_id = kProcess, .lines = 2}), ElementsAre("whole", "next"));
  for (const LogBatch& batch : client.batches()) {
    EXPECT_FALSE(batch.gap);
    EXPECT_EQ(EndOf({.process_id = kProcess, .cursor = batch.cursor}), absl::StatusCode::kOk)
        << batch.cursor;
  }
}

TEST_F(LogReaderTest, FollowsAThousandRotations) {
  constexpr int kRotations = 1000;
  constexpr int kLinesPerSegment = 7;
  constexpr int kLines = kRotations * kLinesPerSegment;
  Writer writer(logs_);
  Client client(reader_, {.process_id = kProcess, .follow = true});
  std::thread thread([&] {
    for (int i = 0; i < kLines; ++i) {
      if (i > 0 && i % kLinesPerSegment == 0) writer.Rotate();
      // Not so far ahead that something is removed unread.
      if (i > 3 * kLinesPerSegment) client.WaitForCount(i - 3 * kLinesPerSegment);
      writer.WriteLine(absl::StrCat(i));
    }
  });
  const std::vector<std::string> texts = client.WaitForLines(kLines);
  thread.join();
  ASSERT_EQ(texts.size(), static_cast<size_t>(kLines));
  for (int i = 0; i < kLines; ++i) ASSERT_EQ(texts[i], absl::StrCat(i));
  for (const LogBatch& batch : client.batches()) EXPECT_FALSE(batch.gap);
}

TEST_F(LogReaderTest, WhatWasRotatedAwayUnreadIsAGapAndNothingElseIs) {
  constexpr int kLines = 20'000;
  Writer writer(logs_);
  writer.WriteLine("0");
  Client client(reader_, {.process_id = kProcess, .follow = true});
  client.WaitForLines(1);
  std::thread thread([&] {
    for (int i = 1; i < kLines; ++i) {
      if (i % 3 == 0) writer.Rotate();
      writer.WriteLine(absl::StrCat(i));
    }
    writer.Rotate();
    writer.WriteLine("last");
  });
  thread.join();
  const auto last_has_come = [&] {
    const auto texts = client.texts();
    return !texts.empty() && texts.back() == "last";
  };
  for (size_t seen = 1; !last_has_come() && !HasFailure();)
    seen = client.WaitForLines(seen + 1).size();
  int previous = -1;
  for (const LogBatch& batch : client.batches()) {
    bool first = true;
    for (const LogEntry& entry : batch.entries) {
      const int number = entry.text == "last" ? kLines : std::stoi(entry.text);
      ASSERT_GT(number, previous);
      const bool jumped = number != previous + 1;
      ASSERT_EQ(jumped, first && batch.gap) << number << " after " << previous;
      previous = number;
      first = false;
    }
  }
}

TEST_F(LogReaderTest, SlowClientHoldsOneBatchAndIsToldOfTheGap) {
  Writer writer(logs_);
  writer.WriteLine("0");
  Client slow(reader_, {.process_id = kProcess, .follow = true}, /*eager=*/false);
  Client fast(reader_, {.process_id = kProcess, .follow = true});
  slow.WaitForBatches(1);
  for (int i = 1; i <= 10; ++i) {
    writer.Rotate();
    writer.WriteLine(absl::StrCat(i));
    fast.WaitForLines(i + 1);
  }
  EXPECT_THAT(slow.texts(), ElementsAre("0"));
  slow.Continue();
  const std::vector<LogBatch> batches = slow.WaitForBatches(2);
  ASSERT_EQ(batches.size(), 2u);
  EXPECT_FALSE(batches[0].gap);
  EXPECT_TRUE(batches[1].gap);
  EXPECT_THAT(slow.texts(), ElementsAre("0", "6", "7", "8", "9", "10"));
}

TEST_F(LogReaderTest, CursorOfARemovedSegmentGivesAGap) {
  Writer writer(logs_);
  for (int i = 0; i < 8; ++i) {
    if (i > 0) writer.Rotate();
    writer.WriteLine(absl::StrCat(i));
  }
  Client client(reader_, {.process_id = kProcess, .cursor = "2:0"});
  EXPECT_EQ(client.WaitForEnd(), absl::StatusCode::kOk);
  ASSERT_EQ(client.batches().size(), 1u);
  EXPECT_TRUE(client.batches()[0].gap);
  EXPECT_THAT(client.texts(), ElementsAre("3", "4", "5", "6", "7"));
}

TEST_F(LogReaderTest, WithoutFollowingEndsWhereTheLogWasAtTheStart) {
  Writer writer(logs_);
  writer.WriteLine("before");
  Client client(reader_, {.process_id = kProcess}, /*eager=*/false);
  client.WaitForBatches(1);
  writer.WriteLine("after");
  writer.Rotate();
  writer.WriteLine("later");
  client.Continue();
  EXPECT_EQ(client.WaitForEnd(), absl::StatusCode::kOk);
  EXPECT_THAT(client.texts(), ElementsAre("before"));
}

TEST_F(LogReaderTest, CancelEndsOnce) {
  Writer writer(logs_);
  writer.WriteLine("one");
  Client client(reader_, {.process_id = kProcess, .follow = true});
  client.WaitForLines(1);
  client.Cancel();
  client.Cancel();
  EXPECT_EQ(client.WaitForEnd(), absl::StatusCode::kCancelled);
  writer.WriteLine("two");
  EXPECT_THAT(ReadAll({.process_id = kProcess}), ElementsAre("one", "two"));
  EXPECT_THAT(client.texts(), ElementsAre("one"));
  EXPECT_EQ(client.ends(), 1);
}

TEST_F(LogReaderTest, EndOfTheReaderEndsItsTails) {
  auto reader = std::make_unique<LogReader>(logs_);
  Writer writer(logs_);
  writer.WriteLine("one");
  Client following(*reader, {.process_id = kProcess, .follow = true});
  Client holding(*reader, {.process_id = kProcess}, /*eager=*/false);
  Client waiting(*reader, {.process_id = "proc_2", .follow = true});
  following.WaitForLines(1);
  holding.WaitForBatches(1);
  reader.reset();
  EXPECT_EQ(following.WaitForEnd(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(holding.WaitForEnd(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(waiting.WaitForEnd(), absl::StatusCode::kUnavailable);
  holding.Continue();
  EXPECT_EQ(holding.ends(), 1);
}

TEST_F(LogReaderTest, LettingGoOfATailCancelsIt) {
  Writer writer(logs_);
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<absl::StatusCode> end;
  reader_.Start(
      {.process_id = kProcess, .follow = true}, [](LogBatch) {},
      [&](const absl::Status& status) {
        std::lock_guard lock(mutex);
        end = status.code();
        changed.notify_all();
      });
  std::unique_lock lock(mutex);
  ASSERT_TRUE(changed.wait_for(lock, kPatience, [&] { return end.has_value(); }));
  EXPECT_EQ(*end, absl::StatusCode::kCancelled);
}

TEST_F(LogReaderTest, FollowingGoesOnInTheLogThatIsBegunAfterARemoval) {
  Writer writer(logs_);
  writer.WriteLine("one");
  Client client(reader_, {.process_id = kProcess, .follow = true});
  Client empty(reader_, {.process_id = kProcess, .lines = -1, .follow = true});
  client.WaitForLines(1);
  // What is asked for later is answered later: by now the two have read all there is.
  EXPECT_THAT(ReadAll({.process_id = kProcess}), ElementsAre("one"));
  std::filesystem::remove_all(writer.directory());
  // As supervise does, which sees it with its next line.
  Writer anew(logs_);
  anew.Rotate();
  anew.WriteLine("two");
  EXPECT_THAT(client.WaitForLines(2), ElementsAre("one", "two"));
  EXPECT_THAT(empty.WaitForLines(1), ElementsAre("two"));
  EXPECT_TRUE(client.batches().back().gap) << "what came in between is lost";
  // Somebody who comes back with a place of the removed log, before there is another.
  const std::string place = client.batches().back().cursor;
  std::filesystem::remove_all(writer.directory());
  Client back(reader_, {.process_id = kProcess, .follow = true, .cursor = place});
  EXPECT_THAT(ReadAll({.process_id = kProcess}), IsEmpty());
  Writer again(logs_);
  again.Rotate();
  again.Rotate();
  again.WriteLine("three");
  EXPECT_THAT(back.WaitForLines(1), ElementsAre("three"));
}

TEST_F(LogReaderTest, WhereTheLogsWereMovedAwayTheNewOnesAreFollowed) {
  {
    Writer writer(logs_);
    writer.WriteLine("old");
  }
  EXPECT_THAT(ReadAll({.process_id = kProcess}), ElementsAre("old"));
  std::filesystem::rename(logs_, logs_ + ".old");
  EXPECT_THAT(ReadAll({.process_id = kProcess}), IsEmpty());
  Client client(reader_, {.process_id = kProcess, .follow = true});
  EXPECT_THAT(ReadAll({.process_id = kProcess}), IsEmpty());  // by now it waits
  Writer writer(logs_);
  writer.WriteLine("new");
  EXPECT_THAT(client.WaitForLines(1), ElementsAre("new"));
}

TEST_F(LogReaderTest, FinishEndsFollowingOnceAllWasRead) {
  Writer writer(logs_);
  Client early(reader_, {.process_id = "proc_2", .follow = true});
  early.Finish();
  EXPECT_EQ(early.WaitForEnd(), absl::StatusCode::kOk) << "one that has written nothing";
  std::string all;
  for (int i = 0; i < 100'000; ++i) all += Line(std::to_string(i));
  writer.Write(all);
  Client client(reader_, {.process_id = kProcess, .lines = 100'000, .follow = true});
  client.WaitForLines(1);
  client.Finish();
  EXPECT_EQ(client.WaitForEnd(), absl::StatusCode::kOk);
  EXPECT_EQ(client.texts().size(), 100'000U);
  EXPECT_EQ(client.texts().back(), "99999");
}

TEST_F(LogReaderTest, FollowsNoLink) {
  const std::string secret = root_.path() + "/secret";
  std::ofstream(secret) << Line("secret");
  Writer writer(logs_);
  ASSERT_EQ(symlink(secret.c_str(), writer.PathOf(1).c_str()), 0);
  EXPECT_EQ(EndOf({.process_id = kProcess}), absl::StatusCode::kFailedPrecondition);
  ASSERT_EQ(unlink(writer.PathOf(1).c_str()), 0);
  ASSERT_EQ(mkfifo(writer.PathOf(1).c_str(), 0600), 0);
  EXPECT_EQ(EndOf({.process_id = kProcess}), absl::StatusCode::kFailedPrecondition);
  ASSERT_EQ(symlink(writer.directory().c_str(), (logs_ + "/proc_2").c_str()), 0);
  EXPECT_EQ(EndOf({.process_id = "proc_2"}), absl::StatusCode::kFailedPrecondition);
}

TEST_F(LogReaderTest, ShowsWhatIsNotOfTheFormat) {
  Writer writer(logs_);
  writer.WriteLine("one");
  writer.Write("scribbled by someone\n");
  writer.Write(std::string(300'000, 'z') + "\n");
  writer.WriteLine("two");
  Client client(reader_, {.process_id = kProcess});
  EXPECT_EQ(client.WaitForEnd(), absl::StatusCode::kOk);
  EXPECT_THAT(client.texts(),
              ElementsAre("one", "scribbled by someone",
                          std::string(static_cast<size_t>(limits::kLogLineBytes), 'z'), "two"));
  EXPECT_EQ(client.batches()[0].entries[1].stream, LogEntry::Stream::kSystem);
  EXPECT_EQ(client.batches()[0].entries[1].time_ns, 0);
}

int InotifyWatches() {
  int watches = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fdinfo")) {
    std::ifstream file(entry.path());
    for (std::string line; std::getline(file, line);) watches += line.rfind("inotify wd:", 0) == 0;
  }
  return watches;
}

TEST_F(LogReaderTest, ManyTailsShareOneThreadAndOneWatch) {
  Writer writer(logs_);
  writer.WriteLine("old");
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 1000; ++i) {
    clients.push_back(std::make_unique<Client>(
        reader_, LogReader::Options{.process_id = kProcess, .follow = true}));
  }
  for (const auto& client : clients) client->WaitForLines(1);
  EXPECT_EQ(InotifyWatches(), 2);  // of logs and of the directory
  writer.WriteLine("new");
  for (const auto& client : clients) {
    EXPECT_THAT(client->WaitForLines(2), ElementsAre("old", "new"));
  }
  clients.clear();
  EXPECT_EQ(InotifyWatches(), 1);
}

}  // namespace
}  // namespace grpc_os::runtime
