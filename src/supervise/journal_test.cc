#include "supervise/journal.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/unique_fd.h"

namespace grpc_os::supervise {
namespace {

namespace fs = std::filesystem;

class JournalTest : public ::testing::Test {
 protected:
  JournalTest() {
    std::string name = (fs::temp_directory_path() / "journal_test.XXXXXX").string();
    directory_ = mkdtemp(name.data());
    path_ = directory_ + "/journal";
  }
  ~JournalTest() override { fs::remove_all(directory_); }

  static internal::Report MakeReport(int64_t seq, const std::string& action) {
    internal::Report report;
    report.set_seq(seq);
    report.set_action(action);
    report.mutable_status()->set_message("as of " + std::to_string(seq));
    return report;
  }
  static void Add(Journal& journal, const std::string& action) {
    internal::Resume resume;
    resume.set_delayed_restarts(static_cast<int>(journal.last_seq()) + 1);
    journal.Add(MakeReport(journal.last_seq() + 1, action), resume);
  }
  static std::vector<int64_t> Kept(const Journal& journal, int64_t after = 0) {
    std::vector<int64_t> seqs;
    for (;;) {
      const auto report = journal.ReadAfter(after);
      EXPECT_TRUE(report.ok()) << report.status();
      if (!report.ok() || !report->has_value()) return seqs;
      after = (*report)->seq();
      EXPECT_EQ((*report)->status().message(), "as of " + std::to_string(after));
      seqs.push_back(after);
    }
  }

  std::string directory_;
  std::string path_;
};

TEST_F(JournalTest, AnEmptyOneHasNoLastReport) {
  Journal journal(directory_);
  const auto last = journal.Open();
  ASSERT_TRUE(last.ok()) << last.status();
  EXPECT_FALSE(last->has_value());
  EXPECT_EQ(journal.last_seq(), 0);
}

TEST_F(JournalTest, KeepsReportsUntilTheyAreAcknowledgedAcrossAReopening) {
  {
    Journal journal(directory_);
    ASSERT_TRUE(journal.Open().ok());
    for (const char* action : {"started", "ready", "exited"}) Add(journal, action);
    ASSERT_TRUE(journal.Flush());
    journal.Acknowledge(1);
    Add(journal, "backoff");
    ASSERT_TRUE(journal.Flush());
    EXPECT_EQ(Kept(journal), (std::vector<int64_t>{2, 3, 4}));
  }
  Journal journal(directory_);
  const auto last = journal.Open();
  ASSERT_TRUE(last.ok() && last->has_value());
  EXPECT_EQ((*last)->report.action(), "backoff");
  EXPECT_EQ((*last)->resume.delayed_restarts(), 4);
  EXPECT_EQ(journal.last_seq(), 4);
  EXPECT_EQ(Kept(journal), (std::vector<int64_t>{2, 3, 4}));
  EXPECT_EQ(Kept(journal, 3), (std::vector<int64_t>{4}));
}

TEST_F(JournalTest, GivesNothingThatIsNotWritten) {
  Journal journal(directory_);
  ASSERT_TRUE(journal.Open().ok());
  Add(journal, "started");
  EXPECT_TRUE(Kept(journal).empty());
  ASSERT_TRUE(journal.Flush());
  EXPECT_EQ(Kept(journal), (std::vector<int64_t>{1}));
}

TEST_F(JournalTest, WhereverItIsTornTheWholeRecordsRemain) {
  {
    Journal journal(directory_);
    ASSERT_TRUE(journal.Open().ok());
    for (int i = 0; i < 3; ++i) Add(journal, "started");
    ASSERT_TRUE(journal.Flush());
  }
  const auto size = static_cast<int64_t>(fs::file_size(path_));
  ASSERT_EQ(size % 3, 0);
  for (int64_t cut = size - 1; cut >= 0; --cut) {
    fs::resize_file(path_, static_cast<uintmax_t>(cut));
    Journal journal(directory_);
    const auto last = journal.Open();
    ASSERT_TRUE(last.ok()) << last.status();
    EXPECT_EQ(journal.last_seq(), cut / (size / 3)) << cut;
    EXPECT_EQ(static_cast<int64_t>(fs::file_size(path_)), journal.last_seq() * (size / 3));
  }
}

TEST_F(JournalTest, AfterATornTailItGoesOn) {
  {
    Journal journal(directory_);
    ASSERT_TRUE(journal.Open().ok());
    Add(journal, "started");
    ASSERT_TRUE(journal.Flush());
  }
  std::ofstream(path_, std::ios::app) << "garbage at the end";
  {
    Journal journal(directory_);
    ASSERT_TRUE(journal.Open().ok());
    Add(journal, "exited");
    ASSERT_TRUE(journal.Flush());
  }
  Journal journal(directory_);
  ASSERT_TRUE(journal.Open().ok());
  EXPECT_EQ(Kept(journal), (std::vector<int64_t>{1, 2}));
}

TEST_F(JournalTest, AChangedByteIsSeen) {
  {
    Journal journal(directory_);
    ASSERT_TRUE(journal.Open().ok());
    for (int i = 0; i < 2; ++i) Add(journal, "started");
    ASSERT_TRUE(journal.Flush());
  }
  // Such that it is still a record, of something else.
  std::ifstream file(path_);
  std::string bytes((std::istreambuf_iterator<char>(file)), {});
  const size_t at = bytes.find("as of 2");
  ASSERT_NE(at, std::string::npos);
  bytes[at + 6] = '7';
  std::ofstream(path_) << bytes;
  Journal journal(directory_);
  ASSERT_TRUE(journal.Open().ok());
  EXPECT_EQ(journal.last_seq(), 1);
}

TEST_F(JournalTest, WhatAFullDiskRefusedIsWrittenLater) {
  int64_t room = 1 << 20;
  Journal journal(directory_, [&room](int fd, const void* data, size_t size) -> ssize_t {
    if (room <= 0) {
      errno = ENOSPC;
      return -1;
    }
    const ssize_t wrote = write(fd, data, std::min<size_t>(size, static_cast<size_t>(room)));
    room -= wrote;
    return wrote;
  });
  ASSERT_TRUE(journal.Open().ok());
  Add(journal, "started");
  ASSERT_TRUE(journal.Flush());
  const auto size = fs::file_size(path_);
  room = 10;  // the middle of a record
  Add(journal, "exited");
  EXPECT_FALSE(journal.Flush());
  EXPECT_EQ(fs::file_size(path_), size);
  EXPECT_EQ(Kept(journal), (std::vector<int64_t>{1}));
  room = 1 << 20;
  Add(journal, "backoff");
  ASSERT_TRUE(journal.Flush());
  EXPECT_EQ(Kept(journal), (std::vector<int64_t>{1, 2, 3}));
  Journal again(directory_);
  ASSERT_TRUE(again.Open().ok());
  EXPECT_EQ(again.last_seq(), 3);
}

TEST_F(JournalTest, OnAFullDiskItHoldsNoMoreThanItKeeps) {
  bool full = true;
  Journal journal(directory_, [&full](int fd, const void* data, size_t size) -> ssize_t {
    if (!full) return write(fd, data, size);
    errno = ENOSPC;
    return -1;
  });
  ASSERT_TRUE(journal.Open().ok());
  for (int i = 0; i < 20'000; ++i) {
    Add(journal, i % 2 == 0 ? "exited" : "backoff");
    EXPECT_FALSE(journal.Flush());
    if (i == 10'000) journal.Acknowledge(5'000);
  }
  full = false;
  ASSERT_TRUE(journal.Flush());
  EXPECT_LT(fs::file_size(path_), 200u << 10);
  EXPECT_EQ(Kept(journal).size(), Journal::kMaxReports);
  EXPECT_EQ(Kept(journal).back(), 20'000);
  Journal again(directory_);
  ASSERT_TRUE(again.Open().ok());
  EXPECT_EQ(Kept(again).size(), Journal::kMaxReports);
}

TEST_F(JournalTest, InACrashLoopTheLesserReportsGoFirstThenTheOldest) {
  Journal journal(directory_);
  ASSERT_TRUE(journal.Open().ok());
  for (int i = 0; i < 400; ++i) {
    for (const char* action : {"started", "exited", "backoff"}) Add(journal, action);
  }
  ASSERT_TRUE(journal.Flush());
  std::vector<int64_t> kept = Kept(journal);
  ASSERT_EQ(kept.size(), Journal::kMaxReports);
  // 200 of the 400 backoffs are gone, the first ones.
  std::set<int64_t> left(kept.begin(), kept.end());
  for (int64_t seq = 1; seq <= 1200; ++seq)
    EXPECT_EQ(left.contains(seq), seq % 3 != 0 || seq > 600) << seq;

  for (int i = 0; i < 2000; ++i) {
    for (const char* action : {"started", "exited", "backoff"}) Add(journal, action);
  }
  Add(journal, "exited");
  for (int i = 0; i < 2000; ++i) Add(journal, "started");
  ASSERT_TRUE(journal.Flush());
  kept = Kept(journal);
  EXPECT_EQ(kept.size(), Journal::kMaxReports);
  EXPECT_EQ(kept.front(), 7201);  // the newest exit
  EXPECT_EQ(kept.back(), 9201);
}

TEST_F(JournalTest, IsRewrittenWhenLargeAndLosesNothingNeeded) {
  Journal journal(directory_);
  ASSERT_TRUE(journal.Open().ok());
  uintmax_t largest = 0;
  for (int i = 0; i < 20'000; ++i) {
    Add(journal, "started");
    ASSERT_TRUE(journal.Flush());
    if (i % 10 == 0) journal.Acknowledge(journal.last_seq() - 5);
    journal.CompactIfLarge();
    largest = std::max(largest, fs::file_size(path_));
  }
  EXPECT_GT(largest, static_cast<uintmax_t>(Journal::kCompactBytes) - 4096);
  EXPECT_LT(largest, static_cast<uintmax_t>(Journal::kCompactBytes) + 4096);
  const std::vector<int64_t> kept = Kept(journal);
  EXPECT_EQ(kept.front(), 19'987);
  EXPECT_EQ(kept.back(), 20'000);
  Journal again(directory_);
  const auto last = again.Open();
  ASSERT_TRUE(last.ok() && last->has_value());
  EXPECT_EQ((*last)->report.seq(), 20'000);
  EXPECT_EQ(Kept(again).back(), 20'000);
}

TEST_F(JournalTest, TheNewestReportSurvivesARewritingThoughAcknowledged) {
  Journal journal(directory_);
  ASSERT_TRUE(journal.Open().ok());
  while (static_cast<int64_t>(fs::file_size(path_)) <= Journal::kCompactBytes) {
    for (int i = 0; i < 100; ++i) Add(journal, "started");
    ASSERT_TRUE(journal.Flush());
    journal.Acknowledge(journal.last_seq());
  }
  journal.CompactIfLarge();
  EXPECT_LT(fs::file_size(path_), 1000u);
  EXPECT_TRUE(Kept(journal).empty());
  Journal again(directory_);
  const auto last = again.Open();
  ASSERT_TRUE(last.ok() && last->has_value());
  EXPECT_EQ((*last)->report.seq(), journal.last_seq());
  EXPECT_TRUE(Kept(again).empty());
}

// A disk that gives no block beyond those that it gave before it was full.
class FullDiskTest : public JournalTest {
 protected:
  Journal Make() {
    return Journal(
        directory_,
        [this](int fd, const void* data, size_t size) -> ssize_t {
          const int64_t end = lseek(fd, 0, SEEK_END);
          const int64_t room = full_ ? std::max<int64_t>(AllocatedTo(fd) - end, 0) : INT64_MAX;
          if (room > 0) return write(fd, data, std::min(size, static_cast<size_t>(room)));
          errno = ENOSPC;
          return -1;
        },
        [this](int fd, off_t from, off_t size) {
          if (full_ && from + size > AllocatedTo(fd)) return ENOSPC;
          AllocatedTo(fd) = std::max<int64_t>(AllocatedTo(fd), from + size);
          return 0;
        });
  }
  int64_t& AllocatedTo(int fd) {
    struct stat info {};
    fstat(fd, &info);
    return allocated_to_[info.st_ino];
  }
  // Beyond the end of the journal.
  int64_t Room() {
    const UniqueFd file(open(path_.c_str(), O_RDONLY));
    return AllocatedTo(file.get()) - Size();
  }
  static void AddStop(Journal& journal) {
    for (const char* action : {"stopping", "exited", "stopped"}) {
      internal::Report report = MakeReport(journal.last_seq() + 1, action);
      report.mutable_status()->set_state(std::string(action) == "stopped"
                                             ? internal::INSTANCE_STOPPED
                                             : internal::INSTANCE_STOPPING);
      journal.Add(report, {});
      EXPECT_TRUE(journal.Flush()) << action;
    }
  }
  int64_t Size() const { return static_cast<int64_t>(fs::file_size(path_)); }

  bool full_ = false;
  std::map<ino_t, int64_t> allocated_to_;
};

TEST_F(FullDiskTest, AStopIsWrittenAndAllElseWaitsAndLeavesRoomForIt) {
  Journal journal = Make();
  ASSERT_TRUE(journal.Open().ok());
  Add(journal, "started");
  ASSERT_TRUE(journal.Flush());
  full_ = true;
  const int64_t half = limits::kJournalReserveBytes / 2;
  int written = 1;
  for (Add(journal, "backoff"); journal.Flush(); Add(journal, "backoff")) ++written;
  EXPECT_GE(Room(), half);
  EXPECT_LE(Room(), half + 200);
  AddStop(journal);
  EXPECT_GE(Room(), 0);
  std::vector<int64_t> kept = Kept(journal);
  EXPECT_EQ(kept.size(), static_cast<size_t>(written) + 4);  // also what had waited
  Add(journal, "backoff");
  EXPECT_FALSE(journal.Flush());
  Journal again = Make();  // by the next supervisor, on the same disk
  const auto last = again.Open();
  ASSERT_TRUE(last.ok() && last->has_value());
  EXPECT_EQ((*last)->report.action(), "stopped");
  full_ = false;
  EXPECT_TRUE(journal.Flush());
}

TEST_F(FullDiskTest, MessagesTakeNothingOfTheReserveAndOnlyTheLastOneWaits) {
  Journal journal = Make();
  ASSERT_TRUE(journal.Open().ok());
  Add(journal, "started");
  ASSERT_TRUE(journal.Flush());
  full_ = true;
  const int64_t before = Size();
  for (int i = 0; i < 1000; ++i) {
    Add(journal, "message");
    EXPECT_FALSE(journal.Flush());
  }
  EXPECT_EQ(Size(), before);
  EXPECT_EQ(journal.kept_reports(), 2u);
  Add(journal, "exited");  // says what they would have said
  ASSERT_TRUE(journal.Flush());
  EXPECT_EQ(Kept(journal), (std::vector<int64_t>{1, 1002}));
  Add(journal, "message");
  EXPECT_FALSE(journal.Flush());
  full_ = false;
  ASSERT_TRUE(journal.Flush());
  EXPECT_EQ(Kept(journal), (std::vector<int64_t>{1, 1002, 1003}));
  Journal again = Make();
  ASSERT_TRUE(again.Open().ok());
  EXPECT_EQ(Kept(again), (std::vector<int64_t>{1, 1002, 1003}));
}

// A greeting announces its number, and whoever was greeted waits for it.
TEST_F(FullDiskTest, TheNewestReportIsNeverLetGo) {
  Journal journal = Make();
  ASSERT_TRUE(journal.Open().ok());
  full_ = true;
  while (Room() > limits::kJournalReserveBytes / 2 + 200) {
    Add(journal, "exited");
    ASSERT_TRUE(journal.Flush());
  }
  const int64_t seq = journal.last_seq();
  // More than what is left of the reserve is for: nothing that may go is written with it.
  internal::Report report = MakeReport(seq + 1, "stopping");
  report.mutable_status()->set_state(internal::INSTANCE_STOPPING);
  report.mutable_status()->set_cgroup_path(std::string(5000, 'x'));
  journal.Add(report, {});
  Add(journal, "message");
  ASSERT_TRUE(journal.Flush());
  EXPECT_EQ(Kept(journal, seq), (std::vector<int64_t>{seq + 1, seq + 2}));
}

TEST_F(FullDiskTest, WhatWaitsLongestGoesSoThatTheStopFits) {
  Journal journal = Make();
  ASSERT_TRUE(journal.Open().ok());
  full_ = true;
  constexpr int kWaiting = 900;
  int written = 0;
  for (int i = 0; i < kWaiting; ++i) {
    Add(journal, "exited");
    written += journal.Flush() ? 1 : 0;
  }
  ASSERT_LT(written, kWaiting / 2);
  AddStop(journal);
  EXPECT_GE(Room(), 0);
  const std::vector<int64_t> kept = Kept(journal, written);
  EXPECT_EQ(kept.back(), kWaiting + 3);
  EXPECT_EQ(kept[kept.size() - 4], kWaiting);  // the newest of those that waited
  EXPECT_GT(kept.front(), written + 1);
}

TEST_F(FullDiskTest, ANewSupervisorAndARewrittenFileKeepRoomToo) {
  {
    Journal journal = Make();
    ASSERT_TRUE(journal.Open().ok());
  }
  full_ = true;
  {
    Journal journal = Make();
    ASSERT_TRUE(journal.Open().ok());
    AddStop(journal);
  }
  full_ = false;
  fs::remove(path_);
  Journal journal = Make();
  ASSERT_TRUE(journal.Open().ok());
  while (Size() <= Journal::kCompactBytes) {
    for (int i = 0; i < 100; ++i) Add(journal, "started");
    ASSERT_TRUE(journal.Flush());
    journal.Acknowledge(journal.last_seq());
  }
  full_ = true;
  const int64_t before = Size();
  journal.CompactIfLarge();
  EXPECT_EQ(Size(), before);  // the new file would have had no room
  full_ = false;
  journal.CompactIfLarge();
  EXPECT_LT(Size(), 1000);
  full_ = true;
  AddStop(journal);
}

TEST_F(JournalTest, GoesOnWhereNoRoomCanBeKept) {
  Journal journal(directory_, {}, [](int, off_t, off_t) { return EOPNOTSUPP; });
  ASSERT_TRUE(journal.Open().ok());
  EXPECT_FALSE(journal.can_keep_room());
  Add(journal, "started");
  EXPECT_TRUE(journal.Flush());
  EXPECT_TRUE(Journal(directory_).can_keep_room());
}

}  // namespace
}  // namespace grpc_os::supervise
