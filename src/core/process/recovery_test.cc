#include "core/process/recovery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "testing/manual_scheduler.h"
#include "testing/memory_process_store.h"
#include "testing/recording_supervision.h"

namespace grpc_os::core {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class BootStore final : public ProcessStore {
 public:
  void Commit(ProcessWrite write, Envelope envelope,
              std::function<void(absl::StatusOr<int64_t>)> done) override {
    rows.Commit(std::move(write), std::move(envelope), std::move(done));
  }
  absl::StatusOr<std::vector<Process>> LoadProcesses() override { return rows.LoadProcesses(); }
  absl::StatusOr<std::string> LoadBootId() override { return rows.LoadBootId(); }
  void SaveBootId(const std::string& boot_id, std::function<void(absl::Status)> done) override {
    saved.push_back(boot_id);
    done(std::exchange(failure, absl::OkStatus()));
  }

  testing::MemoryProcessStore rows;
  std::vector<std::string> saved;
  absl::Status failure;  // of the next
};

class RecordingLogger final : public Logger {
 public:
  bool Enabled(LogLevel) const override { return true; }
  void SetLevel(LogLevel) override {}
  LogLevel Level() const override { return LogLevel::kDebug; }
  void Write(LogLevel, std::string_view message, const LogFields&) override {
    lines.emplace_back(message);
  }
  std::vector<std::string> lines;
};

// A process ran when the last daemon was lost; its supervisor still lives.
class RecoveryEndTest : public ::testing::Test {
 protected:
  RecoveryEndTest() {
    process_.id = "proc_1";
    process_.name = "web";
    process_.instance_id = "0123456789abcdef0123456789abcdef";
    process_.desired = DesiredState::kRunning;
    process_.status.state = ProcessState::kRunning;
    process_.provisional = false;
    processes_.Load({process_}, 7, true);
    processes_.OnInstances({process_.instance_id});
    scheduler_.RunAll();
  }
  void Await() {
    recovery_.AwaitReports([this] { ++answers_; });
  }
  void SupervisorReports() {
    InstanceReport snapshot;
    snapshot.instance_id = process_.instance_id;
    snapshot.status.state = ProcessState::kRunning;
    processes_.OnConnected(snapshot);
    scheduler_.RunAll();
  }

  Process process_;
  testing::ManualScheduler scheduler_;
  BootStore store_;
  testing::RecordingSupervision supervision_;
  Processes processes_{store_, supervision_, scheduler_};
  RecordingLogger logger_;
  Recovery recovery_{{processes_, store_, scheduler_, logger_}, "boot 2", false};
  int answers_ = 0;
};

TEST_F(RecoveryEndTest, ItEndsWithTheLastReportAndTheBootIsRecorded) {
  Await();
  scheduler_.Advance(100);
  EXPECT_EQ(answers_, 0);
  EXPECT_THAT(store_.saved, IsEmpty());
  SupervisorReports();
  scheduler_.Advance(2);
  EXPECT_EQ(answers_, 1);
  EXPECT_THAT(store_.saved, ElementsAre("boot 2"));
  scheduler_.Advance(10'000);
  recovery_.Tick();
  EXPECT_EQ(answers_, 1);
  EXPECT_EQ(store_.saved.size(), 1u) << "once";
  EXPECT_THAT(logger_.lines, IsEmpty());
}

TEST_F(RecoveryEndTest,
       ASupervisorThatHangsIsWaitedForFiveSecondsAndTheBootIsRecordedOnceItReports) {
  Await();
  scheduler_.Advance(4999);
  EXPECT_EQ(answers_, 0);
  scheduler_.Advance(1);
  EXPECT_EQ(answers_, 1);
  EXPECT_THAT(logger_.lines, ElementsAre("some supervisors have not answered yet"));
  recovery_.Tick();
  EXPECT_THAT(store_.saved, IsEmpty());
  SupervisorReports();
  recovery_.Tick();
  EXPECT_THAT(store_.saved, ElementsAre("boot 2"));
  EXPECT_EQ(answers_, 1);
}

TEST_F(RecoveryEndTest, ABootThatCannotBeRecordedIsTriedAgainAndHoldsNobodyUp) {
  SupervisorReports();
  store_.failure = absl::UnavailableError("disk full");
  Await();
  EXPECT_EQ(answers_, 1);
  scheduler_.RunAll();
  recovery_.Tick();
  recovery_.Tick();
  EXPECT_THAT(store_.saved, ElementsAre("boot 2", "boot 2"));
}

TEST_F(RecoveryEndTest, TheBootIsNotRecordedWhileAReportIsNotStored) {
  store_.rows.full = true;
  InstanceReport report;
  report.instance_id = process_.instance_id;
  report.status.state = ProcessState::kCrashLooping;
  report.action = "exited";
  report.seq = report.newest_seq = 1;
  processes_.OnConnected(report);
  processes_.OnReport(report);
  scheduler_.RunAll();
  ASSERT_TRUE(processes_.Settled());
  ASSERT_GT(processes_.TotalUnsaved().reports, 0);
  Await();
  EXPECT_EQ(answers_, 1) << "it serves nevertheless";
  recovery_.Tick();
  EXPECT_THAT(store_.saved, IsEmpty());
}

}  // namespace
}  // namespace grpc_os::core
