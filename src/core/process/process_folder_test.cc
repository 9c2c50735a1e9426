#include "core/process/process_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

#include "base/limits.h"
#include "testing/manual_scheduler.h"
#include "testing/memory_process_store.h"
#include "testing/recording_supervision.h"

namespace grpc_os::core {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class NoUsage final : public UsageSource {
 public:
  ProcessUsage UsageOf(const std::string&) const override { return {.memory_bytes = 4096}; }
};

// Hands out `batches`, the next one when it is continued, and then ends.
class FakeLogs final : public LogSource {
 public:
  std::shared_ptr<Tail> Start(Options options, std::function<void(LogLines)> on_lines,
                              std::function<void(absl::Status)> on_end) override {
    started = options;
    auto tail = std::make_shared<FakeTail>(*this);
    on_lines_ = std::move(on_lines);
    on_end_ = std::move(on_end);
    if (early) Next();  // before the caller has the tail
    return tail;
  }
  void Next() {
    if (batches.empty()) {
      std::exchange(on_end_, nullptr)(end);
      return;
    }
    LogLines lines = std::move(batches.front());
    batches.erase(batches.begin());
    on_lines_(std::move(lines));
  }

  bool early = true;
  std::vector<LogLines> batches;
  absl::Status end;
  Options started;

 private:
  class FakeTail final : public Tail {
   public:
    explicit FakeTail(FakeLogs& logs) : logs_(logs) {}
    void Continue() override { logs_.Next(); }
    void Cancel() override {}
    void Finish() override {}

   private:
    FakeLogs& logs_;
  };
  std::function<void(LogLines)> on_lines_;
  std::function<void(absl::Status)> on_end_;
};

Process MakeProcess(const std::string& id, const std::string& name) {
  Process process;
  process.id = id;
  process.name = name;
  process.spec.command = "sleep 1";
  process.spec.environment = {{"PORT", "8099"}, {"DEBUG", "true"}};
  process.desired = DesiredState::kStopped;
  process.provisional = false;
  process.status.state = ProcessState::kStopped;
  return process;
}

class ProcessFolderTest : public ::testing::Test {
 protected:
  ProcessFolderTest() {
    std::vector<Process> stored;
    for (const char* name : {"web", "web-2", "api"})
      stored.push_back(MakeProcess(std::string("proc_") + std::to_string(stored.size()), name));
    stored[0].status.last_exit = ExitReport{
        .reason = ExitReason::kSignaled, .exit_code = {}, .signal = 9, .message = "killed"};
    processes_.Load(std::move(stored), 1, false);
  }
  SystemFolder::Found Find(const std::string& path) {
    SystemFolder::Found found = absl::InternalError("not answered");
    folder_.Find(path, [&found](SystemFolder::Found result) { found = std::move(result); });
    scheduler_.RunAll();
    return found;
  }
  std::string DataOf(const std::string& path) {
    const auto found = Find(path);
    return found.ok() && found->has_value() ? (*found)->data : "nothing";
  }
  std::vector<std::string> List(const std::string& path, const std::string& after = "",
                                int limit = 100, bool recursive = false) {
    std::vector<std::string> names;
    const SystemFolder::Range range = {
        .path = path, .recursive = recursive, .after = after, .limit = limit};
    folder_.List(range, [&names](auto listed) {
      for (const Object& object : *listed) names.push_back(object.name);
    });
    scheduler_.RunAll();
    return names;
  }

  testing::ManualScheduler scheduler_;
  testing::MemoryProcessStore store_;
  testing::RecordingSupervision supervision_;
  Processes processes_{store_, supervision_, scheduler_};
  NoUsage usage_;
  FakeLogs logs_;
  ProcessFolder folder_{processes_, usage_, logs_, scheduler_};
};

TEST_F(ProcessFolderTest, TellsStatusEnvironmentAndExit) {
  EXPECT_THAT(DataOf("web/status"), HasSubstr("name: web\nstate: stopped\n"));
  EXPECT_THAT(DataOf("web/status"), HasSubstr("memory_bytes: 4096\n"));
  EXPECT_EQ(DataOf("web/env"), "DEBUG=true\nPORT=8099\n");
  EXPECT_THAT(DataOf("web/exit"), HasSubstr("reason: signaled\nsignal: KILL\n"));
  EXPECT_EQ(DataOf("api/exit"), "") << "it has never ended";
}

TEST_F(ProcessFolderTest, WhatIsNotThereIsNotFound) {
  for (const char* path : {"nobody", "nobody/status", "web/nothing", "web/status/x", "proc_0/env"})
    EXPECT_EQ(DataOf(path), "nothing") << path;
}

TEST_F(ProcessFolderTest, ListsInTheOrderOfBytes) {
  EXPECT_THAT(List(""), ElementsAre("api/", "web-2/", "web/")) << "'-' comes before '/'";
  EXPECT_THAT(List("", "", 1), ElementsAre("api/"));
  EXPECT_THAT(List("", "api/"), ElementsAre("web-2/", "web/"));
  EXPECT_THAT(List("web/"), ElementsAre("web/env", "web/exit", "web/log", "web/status"));
  EXPECT_THAT(List("web/", "web/exit", 1), ElementsAre("web/log"));
  EXPECT_THAT(List("nobody/"), ElementsAre());
  EXPECT_TRUE((*Find("web/"))->folder);
}

TEST_F(ProcessFolderTest, ListsAllThatBeginsWithAPath) {
  EXPECT_THAT(List("", "", 5, true),
              ElementsAre("api/env", "api/exit", "api/log", "api/status", "web-2/env"));
  EXPECT_THAT(List("", "web-2/status", 2, true), ElementsAre("web/env", "web/exit"));
  EXPECT_THAT(List("web/s", "", 9, true), ElementsAre("web/status"));
  EXPECT_EQ(List("we", "", 99, true).size(), 8U);
  EXPECT_THAT(List("web/status/x", "", 9, true), ElementsAre());
}

TEST_F(ProcessFolderTest, AValueIsOneLine) {
  Process process = MakeProcess("proc_9", "odd");
  process.spec.environment = {{"A", "1\nB=2\r\\"}};
  process.spec.command = "echo 'a\nstate: running'";
  processes_.Load({process}, 1, false);
  EXPECT_EQ(DataOf("odd/env"), "A=1\\nB=2\\x0d\\\\\n");
  EXPECT_THAT(DataOf("odd/status"), HasSubstr("command: echo 'a\\nstate: running'\n"));
}

TEST_F(ProcessFolderTest, NoSecretIsTold) {
  Process process = MakeProcess("proc_9", "safe");
  process.spec.environment = {{"A", "1"}, {"PASSWORD", "hunter2"}};
  process.spec.secrets = {"PASSWORD"};
  processes_.Load({process}, 1, false);
  EXPECT_EQ(DataOf("safe/env"), "A=1\nPASSWORD=(secret)\n");
}

TEST_F(ProcessFolderTest, OfManyLinesTheLastThousandAreKept) {
  LogLines lines;
  for (int i = 0; i < 1000; ++i) lines.lines.push_back({.text = std::to_string(i)});
  logs_.batches = {lines};
  auto log = Find("web/log");
  ASSERT_TRUE(log.ok());
  EXPECT_THAT((*log)->data, ::testing::StartsWith("0\n1\n"));
  EXPECT_FALSE((*log)->metadata.contains("truncated"));
  lines.lines.push_back({.text = "1000"});
  logs_.batches = {lines};
  log = Find("web/log");
  EXPECT_THAT((*log)->data, ::testing::StartsWith("1\n2\n"));
  EXPECT_EQ((*log)->metadata["truncated"], "true");
  EXPECT_EQ(logs_.started.lines, 1001);
}

TEST_F(ProcessFolderTest, TheLogIsReadWholeHoweverSoonItsLinesCome) {
  for (const bool early : {true, false}) {
    logs_.early = early;
    logs_.batches = {{.lines = {{.text = "one"}, {.partial = true, .text = "tw"}}, .cursor = ""},
                     {.lines = {{.text = "o"}}, .cursor = ""}};
    SystemFolder::Found found = absl::InternalError("not answered");
    folder_.Find("web/log", [&found](SystemFolder::Found result) { found = std::move(result); });
    scheduler_.RunAll();
    if (!early) logs_.Next();
    ASSERT_TRUE(found.ok()) << found.status();
    EXPECT_EQ((*found)->data, "one\ntwo\n");
    EXPECT_EQ(logs_.started.process_id, "proc_0");
  }
}

TEST_F(ProcessFolderTest, NoLineOfTheLogRunsIntoOneOfAnotherStream) {
  using Stream = LogLine::Stream;
  logs_.batches = {{.lines = {{.partial = true, .text = "FATAL"},
                              {.stream = Stream::kSystem, .text = "stopping (TERM)"},
                              {.text = ""},
                              {.text = ""},
                              {.stream = Stream::kStderr, .partial = true, .text = "err"},
                              {.partial = true, .text = "out"},
                              {.stream = Stream::kStderr, .text = "or"},
                              {.text = "put"},
                              {.partial = true, .text = "last"},
                              {.text = ""},
                              {.stream = Stream::kSystem, .text = "exited with code 3"}},
                    .cursor = ""}};
  EXPECT_EQ(DataOf("web/log"),
            "FATAL\nstopping (TERM)\n\nerr\nout\nor\nput\nlast\nexited with code 3\n");
}

TEST_F(ProcessFolderTest, OfALongLogTheEndIsKeptFromTheStartOfALine) {
  for (int i = 0; i < 100; ++i)
    logs_.batches.push_back(
        {.lines = {{.text = std::to_string(i) + std::string(1500, 'x')}}, .cursor = ""});
  auto found = Find("web/log");
  ASSERT_TRUE(found.ok());
  EXPECT_EQ((*found)->metadata["truncated"], "true");
  const std::string log = (*found)->data;
  EXPECT_LE(log.size(), limits::kObjectInlineBytes);
  EXPECT_GT(log.size(), limits::kObjectInlineBytes - 2000);
  EXPECT_THAT(log, ::testing::StartsWith("57x"));
  EXPECT_THAT(log, ::testing::EndsWith("x\n"));
}

TEST_F(ProcessFolderTest, ALogThatCannotBeReadSaysSo) {
  logs_.end = absl::UnavailableError("disk");
  EXPECT_EQ(Find("web/log").status().code(), absl::StatusCode::kUnavailable);
  logs_.end = absl::NotFoundError("never started");
  EXPECT_EQ(DataOf("api/log"), "nothing");
}

}  // namespace
}  // namespace grpc_os::core
