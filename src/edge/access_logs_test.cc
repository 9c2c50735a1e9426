#include "edge/access_logs.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
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
#include "absl/strings/str_format.h"
#include "base/limits.h"
#include "base/unique_fd.h"
#include "edge/access_log_files.h"
#include "edge/access_log_scan.h"

namespace grpc_os::edge {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr char kDomain[] = "dom_1";
// For conditions that come true at once unless something is broken.
constexpr auto kPatience = std::chrono::seconds(30);

std::string Line(const std::string& path) {
  return absl::StrCat(R"({"t":"1764500000.123","u":")", path, "\"}");
}

// nginx, as far as it writes the log of a domain.
class Writer {
 public:
  explicit Writer(std::string directory, std::string domain = kDomain)
      : directory_(std::move(directory)), domain_(std::move(domain)) {
    std::filesystem::create_directories(directory_);
    Reopen();
  }

  std::string Path(int number = 0) const {
    return number == 0 ? absl::StrCat(directory_, "/", domain_, ".log")
                       : absl::StrFormat("%s/%s.%06d.log", directory_, domain_, number);
  }
  void Write(const std::string& bytes) {
    ASSERT_EQ(write(file_.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }
  void WriteLine(const std::string& line) { Write(line + "\n"); }
  void Reopen() { file_ = Open(); }
  UniqueFd Open() const {
    return UniqueFd(open(Path().c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600));
  }
  // Renames what there is, whatever its size, and reopens.
  void Rotate() {
    ASSERT_TRUE(RotateAccessLogs(directory_, /*max_bytes=*/-1, /*keep=*/5));
    Reopen();
  }

 private:
  const std::string directory_;
  const std::string domain_;
  UniqueFd file_;
};

// A client of one tail. `eager` ones ask for the next batch as soon as they have one.
class Client {
 public:
  Client(AccessLogs& logs, core::LogSource::Options options, bool eager = true) : eager_(eager) {
    auto tail = logs.Start(
        std::move(options), [this](core::LogLines batch) { OnLines(std::move(batch)); },
        [this](const absl::Status& status) { OnEnd(status); });
    const std::lock_guard lock(mutex_);
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

  std::vector<std::string> WaitForLines(size_t count) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, kPatience, [&] { return texts_.size() >= count; }))
        << texts_.size() << " lines of " << count << " came";
    return texts_;
  }
  std::vector<core::LogLines> WaitForBatches(size_t count) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, kPatience, [&] { return batches_.size() >= count; }));
    return batches_;
  }
  absl::StatusCode WaitForEnd() {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, kPatience, [&] { return end_.has_value(); }));
    return end_.value_or(absl::StatusCode::kUnknown);
  }
  std::vector<std::string> texts() {
    const std::lock_guard lock(mutex_);
    return texts_;
  }
  std::vector<core::LogLines> batches() {
    const std::lock_guard lock(mutex_);
    return batches_;
  }
  int ends() {
    const std::lock_guard lock(mutex_);
    return ends_;
  }

 private:
  void OnLines(core::LogLines batch) {
    std::unique_lock lock(mutex_);
    EXPECT_FALSE(end_.has_value()) << "a batch after the end";
    for (const core::LogLine& line : batch.lines) texts_.push_back(line.text);
    batches_.push_back(std::move(batch));
    changed_.notify_all();
    if (!eager_) return;
    changed_.wait(lock, [&] { return tail_ != nullptr; });
    tail_->Continue();
  }
  void OnEnd(const absl::Status& status) {
    const std::lock_guard lock(mutex_);
    end_ = status.code();
    ++ends_;
    changed_.notify_all();
  }

  const bool eager_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<core::LogSource::Tail> tail_;
  std::vector<std::string> texts_;
  std::vector<core::LogLines> batches_;
  std::optional<absl::StatusCode> end_;
  int ends_ = 0;
};

class AccessLogsTest : public ::testing::Test {
 protected:
  AccessLogsTest() {
    std::string name = "/tmp/access_logs_test.XXXXXX";
    root_ = mkdtemp(name.data());
    directory_ = root_ + "/logs";
  }
  ~AccessLogsTest() override {
    logs_.reset();
    std::filesystem::remove_all(root_);
  }

  AccessLogs& logs(AccessLogs::Timing timing = {.poll_ms = 1, .settle_ms = 0}) {
    if (logs_ == nullptr) logs_ = std::make_unique<AccessLogs>(directory_, timing);
    return *logs_;
  }
  std::vector<std::string> ReadAll(core::LogSource::Options options) {
    Client client(logs(), std::move(options));
    EXPECT_EQ(client.WaitForEnd(), absl::StatusCode::kOk);
    return client.texts();
  }
  absl::StatusCode EndOf(core::LogSource::Options options) {
    Client client(logs(), std::move(options));
    return client.WaitForEnd();
  }
  std::vector<std::string> Names() {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(directory_))
      names.push_back(entry.path().filename());
    return names;
  }

  std::string root_;
  std::string directory_;
  std::unique_ptr<AccessLogs> logs_;
};

std::vector<std::string> LastOf(const std::vector<std::string>& all, int64_t count) {
  const auto size = static_cast<int64_t>(all.size());
  return {all.end() - std::clamp<int64_t>(count, 0, size), all.end()};
}

TEST(AccessLineTest, ItsTimeIsItsFirstField) {
  EXPECT_EQ(TimeOfAccessLine(R"({"t":"1764500000.123","s":200})"), 1'764'500'000'123'000'000);
  EXPECT_EQ(TimeOfAccessLine(R"({"t":1764500000.5,"s":200})"), 1'764'500'000'500'000'000);
  EXPECT_EQ(TimeOfAccessLine(R"({"t":1764500000})"), 1'764'500'000'000'000'000);
  for (const char* none :
       {"", "x", R"({"s":200})", R"({"t":)", R"({"t":""})", R"({"t":"x"})", R"({"t":"1.x"})",
        R"({"t":"1)", R"({"t":1)", R"({"t":"12345678901.1"})", R"({"t":-1})",
        R"({"t":"1.1234567890"})", R"( {"t":"1764500000.123"})"}) {
    EXPECT_EQ(TimeOfAccessLine(none), 0) << none;
  }
}

TEST_F(AccessLogsTest, GivesTheLineAsItIsWithItsTime) {
  Writer nginx(directory_);
  nginx.WriteLine(Line("/a"));
  nginx.WriteLine("scribbled");
  Client client(logs(), {.process_id = kDomain});
  EXPECT_EQ(client.WaitForEnd(), absl::StatusCode::kOk);
  const auto batches = client.batches();
  ASSERT_EQ(batches.size(), 1U);
  ASSERT_EQ(batches[0].lines.size(), 2U);
  EXPECT_EQ(batches[0].lines[0].text, Line("/a"));
  EXPECT_EQ(batches[0].lines[0].time_ns, 1'764'500'000'123'000'000);
  EXPECT_EQ(batches[0].lines[0].stream, core::LogLine::Stream::kStdout);
  EXPECT_FALSE(batches[0].lines[0].partial);
  EXPECT_EQ(batches[0].lines[1].text, "scribbled");
  EXPECT_EQ(batches[0].lines[1].time_ns, 0);
  EXPECT_FALSE(batches[0].gap);
}

TEST_F(AccessLogsTest, BeginsWithTheLastLinesOverFiles) {
  Writer nginx(directory_);
  std::vector<std::string> all;
  for (int file = 0; file < 4; ++file) {
    if (file > 0) nginx.Rotate();
    for (int i = 0; i < 40; ++i) {
      // Several blocks of 64 KiB per file; lines of all sizes.
      all.push_back(absl::StrCat("line ", all.size(), " ", std::string((i * 997) % 16'000, 'x')));
      nginx.WriteLine(all.back());
    }
  }
  for (const int64_t lines : {-1, 0, 1, 2, 39, 40, 41, 80, 100, 159, 160, 161, 1'000'000}) {
    EXPECT_EQ(ReadAll({.process_id = kDomain, .lines = lines}), LastOf(all, lines)) << lines;
  }
  nginx.Rotate();  // the newest has nothing
  EXPECT_EQ(ReadAll({.process_id = kDomain, .lines = 41}), LastOf(all, 41));
}

TEST_F(AccessLogsTest, ALogThatIsNotThereIsEmpty) {
  EXPECT_THAT(ReadAll({.process_id = kDomain}), IsEmpty());
  Client client(logs(), {.process_id = kDomain, .follow = true});
  EXPECT_EQ(client.WaitForBatches(1)[0].cursor, "1:0");
  Writer nginx(directory_);
  nginx.WriteLine("first");
  EXPECT_THAT(client.WaitForLines(1), ElementsAre("first"));
  EXPECT_FALSE(client.batches().back().gap);
}

TEST_F(AccessLogsTest, FollowsWhatIsWritten) {
  Writer nginx(directory_);
  nginx.WriteLine("old");
  Client client(logs(), {.process_id = kDomain, .follow = true});
  Client none(logs(), {.process_id = kDomain, .lines = -1, .follow = true});
  EXPECT_THAT(client.WaitForLines(1), ElementsAre("old"));
  EXPECT_EQ(none.WaitForBatches(1)[0].cursor, "1:4");
  nginx.Write("in two ");
  nginx.Write("parts\nnext\n");
  EXPECT_THAT(client.WaitForLines(3), ElementsAre("old", "in two parts", "next"));
  EXPECT_THAT(none.WaitForLines(2), ElementsAre("in two parts", "next"));
}

TEST_F(AccessLogsTest, NeverGivesATornLine) {
  Writer nginx(directory_);
  nginx.WriteLine("whole");
  nginx.Write("cut sho");
  EXPECT_THAT(ReadAll({.process_id = kDomain}), ElementsAre("whole"));
  EXPECT_THAT(ReadAll({.process_id = kDomain, .lines = 1}), ElementsAre("whole"));
  nginx.Rotate();
  nginx.WriteLine("next");
  EXPECT_THAT(ReadAll({.process_id = kDomain, .lines = 2}), ElementsAre("whole", "next"));
}

TEST_F(AccessLogsTest, ResumesAtEachCursorAlsoAfterRotations) {
  Writer nginx(directory_);
  std::vector<std::string> all;
  for (int i = 0; i < 90; ++i) {
    if (i % 30 == 29) nginx.Rotate();
    all.push_back(absl::StrCat(i, std::string(10'000, 'x')));
    nginx.WriteLine(all.back());
  }
  Client client(logs(), {.process_id = kDomain, .lines = 1000});
  EXPECT_EQ(client.WaitForEnd(), absl::StatusCode::kOk);
  const auto batches = client.batches();
  ASSERT_GT(batches.size(), 2U);
  logs_.reset();  // a cursor outlives the source
  nginx.Rotate();
  size_t read = 0;
  for (const core::LogLines& batch : batches) {
    size_t bytes = 0;
    for (const core::LogLine& line : batch.lines) bytes += line.text.size();
    EXPECT_LE(bytes, static_cast<size_t>(limits::kStreamChunkBytes));
    read += batch.lines.size();
    EXPECT_EQ(ReadAll({.process_id = kDomain, .cursor = batch.cursor}),
              LastOf(all, static_cast<int64_t>(all.size() - read)))
        << batch.cursor;
  }
  EXPECT_EQ(read, all.size());
}

TEST_F(AccessLogsTest, RefusesCursorsOfNoPlace) {
  Writer nginx(directory_);
  nginx.WriteLine("one");
  for (const char* cursor : {"x", "0:0", "1:-1", "1:3", "1:5", "2:1", "3:0", "1", ":", "1:0:0",
                             "+1:0", "99999999999999999999:0"}) {
    EXPECT_EQ(EndOf({.process_id = kDomain, .cursor = cursor}), absl::StatusCode::kOutOfRange)
        << cursor;
  }
  EXPECT_THAT(ReadAll({.process_id = kDomain, .cursor = "1:4"}), IsEmpty());
  EXPECT_THAT(ReadAll({.process_id = kDomain, .cursor = "1:0"}), ElementsAre("one"));
  // Where the next file will begin.
  EXPECT_THAT(ReadAll({.process_id = kDomain, .cursor = "2:0"}), IsEmpty());
  Client next(logs(), {.process_id = kDomain, .follow = true, .cursor = "2:0"});
  nginx.Rotate();
  nginx.WriteLine("two");
  EXPECT_THAT(next.WaitForLines(1), ElementsAre("two"));
}

TEST_F(AccessLogsTest, RefusesWhatIsNoDomainId) {
  for (const char* id : {"", "..", "error", "dom_", "dom_1/../dom_2", "/etc", "dom_.", "proc_1"}) {
    EXPECT_EQ(EndOf({.process_id = id}), absl::StatusCode::kInvalidArgument) << id;
  }
}

TEST_F(AccessLogsTest, FollowsManyRotations) {
  constexpr int kLines = 1000;
  Writer nginx(directory_);
  Client client(logs(), {.process_id = kDomain, .follow = true});
  for (int i = 0; i < kLines; ++i) {
    if (i > 0 && i % 7 == 0) nginx.Rotate();
    if (i > 21) client.WaitForLines(static_cast<size_t>(i - 21));
    nginx.WriteLine(absl::StrCat(i));
  }
  const auto texts = client.WaitForLines(kLines);
  for (int i = 0; i < kLines; ++i) ASSERT_EQ(texts[i], absl::StrCat(i));
  for (const core::LogLines& batch : client.batches()) EXPECT_FALSE(batch.gap);
}

TEST_F(AccessLogsTest, AFileHasItsNumberAlsoWhileItIsRenamed) {
  constexpr int kRotations = 3000;
  Writer nginx(directory_);
  std::atomic<bool> done = false;
  std::thread rotations([&] {
    for (int i = 1; i <= kRotations; ++i) {
      nginx.WriteLine(absl::StrCat(i));
      nginx.Rotate();
    }
    done = true;
  });
  const AccessLogFiles files(directory_, kDomain);
  while (!done) {
    const auto newest = files.Newest();
    EXPECT_TRUE(newest.ok()) << newest.status();
    if (!newest.ok()) break;
    if (!*newest) continue;
    char text[16] = {};
    if (pread((*newest)->file.get(), text, sizeof text - 1, 0) <= 0) continue;
    EXPECT_EQ(std::to_string((*newest)->number) + "\n", text);
  }
  rotations.join();
}

TEST_F(AccessLogsTest, WhatIsWrittenToARenamedFileComesBeforeTheNext) {
  Writer nginx(directory_);
  nginx.WriteLine("1");
  Client client(logs({.poll_ms = 1, .settle_ms = 3'600'000}),
                {.process_id = kDomain, .follow = true});
  AccessLogs hasty_logs(directory_, {.poll_ms = 1, .settle_ms = 0});
  Client hasty(hasty_logs, {.process_id = kDomain, .follow = true});
  client.WaitForLines(1);
  const UniqueFd slow_worker = nginx.Open();
  nginx.Rotate();
  for (size_t line = 2; line < 20; ++line) {
    nginx.WriteLine("later");
    hasty.WaitForLines(line);  // so that the other had the time, too
  }
  ASSERT_EQ(write(slow_worker.get(), "2\n", 2), 2);
  EXPECT_THAT(client.WaitForLines(2), ElementsAre("1", "2"));
  client.Finish();
  EXPECT_EQ(client.WaitForEnd(), absl::StatusCode::kOk);
  EXPECT_EQ(client.texts().size(), 20U);
}

TEST_F(AccessLogsTest, WhatWasRotatedAwayUnreadIsAGap) {
  Writer nginx(directory_);
  nginx.WriteLine("0");
  Client slow(logs(), {.process_id = kDomain, .follow = true}, /*eager=*/false);
  const std::string place = slow.WaitForBatches(1)[0].cursor;
  for (int i = 1; i <= 10; ++i) {
    nginx.Rotate();
    nginx.WriteLine(absl::StrCat(i));
  }
  slow.Continue();
  const auto batches = slow.WaitForBatches(2);
  EXPECT_FALSE(batches[0].gap);
  EXPECT_TRUE(batches[1].gap);
  Client back(logs(), {.process_id = kDomain, .cursor = place});
  EXPECT_EQ(back.WaitForEnd(), absl::StatusCode::kOk);
  EXPECT_TRUE(back.batches()[0].gap);
  EXPECT_THAT(back.texts(), ElementsAre("5", "6", "7", "8", "9", "10"));
}

TEST_F(AccessLogsTest, WithoutFollowingEndsWhereTheLogWasAtTheStart) {
  Writer nginx(directory_);
  for (int i = 0; i < 30; ++i) nginx.WriteLine(std::string(10'000, 'x'));  // more than a batch
  Client client(logs(), {.process_id = kDomain}, /*eager=*/false);
  client.WaitForBatches(1);
  nginx.WriteLine("after");
  nginx.Rotate();
  nginx.WriteLine("later");
  client.Continue();
  client.WaitForBatches(2);
  client.Continue();
  EXPECT_EQ(client.WaitForEnd(), absl::StatusCode::kOk);
  EXPECT_EQ(client.texts(), std::vector<std::string>(30, std::string(10'000, 'x')));
}

TEST_F(AccessLogsTest, FinishEndsFollowingOnceAllWasRead) {
  Writer nginx(directory_);
  std::string all;
  for (int i = 0; i < 50'000; ++i) absl::StrAppend(&all, i, "\n");
  nginx.Write(all);
  nginx.Rotate();
  nginx.WriteLine("last");
  // Files are not waited for any more.
  Client client(logs({.poll_ms = 1, .settle_ms = 3'600'000}),
                {.process_id = kDomain, .lines = 100'000, .follow = true});
  client.WaitForLines(1);
  client.Finish();
  EXPECT_EQ(client.WaitForEnd(), absl::StatusCode::kOk);
  EXPECT_EQ(client.texts().size(), 50'001U);
  EXPECT_EQ(client.texts().back(), "last");
}

TEST_F(AccessLogsTest, CancelEndsOnce) {
  Writer nginx(directory_);
  nginx.WriteLine("one");
  Client client(logs(), {.process_id = kDomain, .follow = true});
  client.WaitForLines(1);
  client.Cancel();
  client.Cancel();
  EXPECT_EQ(client.WaitForEnd(), absl::StatusCode::kCancelled);
  nginx.WriteLine("two");
  EXPECT_THAT(ReadAll({.process_id = kDomain}), ElementsAre("one", "two"));
  EXPECT_THAT(client.texts(), ElementsAre("one"));
  EXPECT_EQ(client.ends(), 1);
}

TEST_F(AccessLogsTest, EndOfTheSourceEndsItsTails) {
  Writer nginx(directory_);
  nginx.WriteLine("one");
  Client following(logs(), {.process_id = kDomain, .follow = true});
  Client holding(logs(), {.process_id = kDomain}, /*eager=*/false);
  following.WaitForLines(1);
  holding.WaitForBatches(1);
  logs_.reset();
  EXPECT_EQ(following.WaitForEnd(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(holding.WaitForEnd(), absl::StatusCode::kUnavailable);
  holding.Continue();
  EXPECT_EQ(holding.ends(), 1);
}

TEST_F(AccessLogsTest, LettingGoOfATailCancelsIt) {
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<absl::StatusCode> end;
  logs().Start(
      {.process_id = kDomain, .follow = true}, [](core::LogLines) {},
      [&](const absl::Status& status) {
        const std::lock_guard lock(mutex);
        end = status.code();
        changed.notify_all();
      });
  std::unique_lock lock(mutex);
  ASSERT_TRUE(changed.wait_for(lock, kPatience, [&] { return end.has_value(); }));
  EXPECT_EQ(*end, absl::StatusCode::kCancelled);
}

TEST_F(AccessLogsTest, ALogThatSomebodyCutOrRemovedIsFollowedOn) {
  Writer nginx(directory_);
  nginx.WriteLine("one");
  nginx.WriteLine("two");
  Client client(logs(), {.process_id = kDomain, .follow = true});
  client.WaitForLines(2);
  ASSERT_EQ(truncate(nginx.Path().c_str(), 0), 0);
  // What comes before the reader has seen it is lost.
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (client.texts().size() < 3 && std::chrono::steady_clock::now() < end) nginx.WriteLine("3");
  EXPECT_EQ(client.WaitForLines(3)[2], "3");
  ASSERT_EQ(unlink(nginx.Path().c_str()), 0);
  nginx.WriteLine("last");
  nginx.Reopen();
  nginx.WriteLine("anew");
  while (client.texts().back() != "anew" && std::chrono::steady_clock::now() < end)
    client.WaitForLines(client.texts().size());
  const auto texts = client.texts();
  EXPECT_EQ(texts.back(), "anew");
  EXPECT_EQ(texts[texts.size() - 2], "last");
  EXPECT_TRUE(client.batches().back().gap);
}

TEST_F(AccessLogsTest, LongLinesAreCutAndBytesStayAsTheyAre) {
  Writer nginx(directory_);
  const std::string odd("a\0b\xff\x1b[2J", 8);
  nginx.WriteLine(odd);
  nginx.WriteLine(std::string(20'000, 'y'));
  nginx.WriteLine(std::string(300'000, 'z'));
  nginx.WriteLine("");
  nginx.WriteLine("end");
  const auto most = static_cast<size_t>(limits::kLogLineBytes);
  const std::vector<std::string> all = {odd, std::string(most, 'y'), std::string(most, 'z'), "",
                                        "end"};
  for (int64_t lines = 1; lines <= 6; ++lines)
    EXPECT_EQ(ReadAll({.process_id = kDomain, .lines = lines}), LastOf(all, lines)) << lines;
  // A cursor never stands within a line.
  Client client(logs(), {.process_id = kDomain}, /*eager=*/true);
  EXPECT_EQ(client.WaitForEnd(), absl::StatusCode::kOk);
  for (const core::LogLines& batch : client.batches())
    EXPECT_EQ(EndOf({.process_id = kDomain, .cursor = batch.cursor}), absl::StatusCode::kOk);
}

TEST_F(AccessLogsTest, FollowsNoLink) {
  std::filesystem::create_directories(directory_);
  const std::string secret = root_ + "/secret";
  std::ofstream(secret) << "secret\n";
  const std::string path = directory_ + "/dom_1.log";
  ASSERT_EQ(symlink(secret.c_str(), path.c_str()), 0);
  EXPECT_EQ(EndOf({.process_id = kDomain}), absl::StatusCode::kFailedPrecondition);
  ASSERT_EQ(unlink(path.c_str()), 0);
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(EndOf({.process_id = kDomain}), absl::StatusCode::kFailedPrecondition);
  ASSERT_EQ(unlink(path.c_str()), 0);
  ASSERT_EQ(symlink(secret.c_str(), (directory_ + "/dom_1.000001.log").c_str()), 0);
  EXPECT_EQ(EndOf({.process_id = kDomain}), absl::StatusCode::kFailedPrecondition);
  std::filesystem::rename(directory_, root_ + "/real");
  ASSERT_EQ(symlink((root_ + "/real").c_str(), directory_.c_str()), 0);
  EXPECT_EQ(EndOf({.process_id = kDomain}), absl::StatusCode::kFailedPrecondition);
  EXPECT_FALSE(RotateAccessLogs(directory_, -1));
  EXPECT_TRUE(std::filesystem::exists(root_ + "/real/dom_1.000001.log"));
}

TEST_F(AccessLogsTest, RotationRenamesWhatHasGrownAndKeepsSome) {
  Writer one(directory_);
  Writer two(directory_, "dom_2");
  Writer error(directory_, "error");
  one.Write(std::string(11, 'x'));
  two.Write(std::string(10, 'x'));
  error.Write(std::string(11, 'x'));
  EXPECT_TRUE(RotateAccessLogs(directory_, 10, 2));
  EXPECT_THAT(Names(), UnorderedElementsAre("dom_1.000001.log", "dom_2.log", "error.000001.log"));
  // Until nginx has reopened them.
  EXPECT_TRUE(RotateAccessLogs(directory_, 10, 2));
  one.Reopen();
  error.Reopen();
  EXPECT_FALSE(RotateAccessLogs(directory_, 10, 2));
  for (int i = 0; i < 3; ++i) {
    one.Write(std::string(11, 'x'));
    EXPECT_TRUE(RotateAccessLogs(directory_, 10, 2));
    one.Reopen();
  }
  EXPECT_THAT(Names(), UnorderedElementsAre("dom_1.log", "dom_1.000003.log", "dom_1.000004.log",
                                            "dom_2.log", "error.log", "error.000001.log"));
}

TEST_F(AccessLogsTest, RotationTouchesNothingElse) {
  std::filesystem::create_directories(directory_ + "/dom_3.log");
  const std::string big = root_ + "/big";
  std::ofstream(big) << std::string(100, 'x');
  ASSERT_EQ(symlink(big.c_str(), (directory_ + "/dom_4.log").c_str()), 0);
  for (const char* name : {"other", "dom_5.log.1", "dom_5.1.log", "dom_5.00000x.log", ".log"})
    std::ofstream(directory_ + "/" + name) << std::string(100, 'x');
  const auto before = Names();
  EXPECT_FALSE(RotateAccessLogs(directory_, 10, 1));
  EXPECT_EQ(Names(), before);
  EXPECT_FALSE(RotateAccessLogs(root_ + "/none", 10, 1));
}

TEST_F(AccessLogsTest, RemovesAllOfDomainsThatAreGoneAndNothingElse) {
  Writer one(directory_);
  Writer other(directory_, "dom_12");
  one.Rotate();
  other.Reopen();
  std::ofstream(directory_ + "/error.log") << "x";
  RemoveOtherAccessLogs(directory_, {"dom_12"});
  EXPECT_THAT(Names(), UnorderedElementsAre("dom_12.log", "dom_12.000001.log", "error.log"));
  RemoveOtherAccessLogs(root_ + "/none", {});
}

}  // namespace
}  // namespace grpc_os::edge
