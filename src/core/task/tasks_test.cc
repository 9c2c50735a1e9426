#include "core/task/tasks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/error_detail.h"
#include "core/error_reason.h"
#include "testing/manual_scheduler.h"

namespace grpc_os::core {
namespace {

class RecordingRunner final : public TaskRunner {
 public:
  void Run(const Process& process, Events events) override {
    run.push_back(process);
    events_of.push_back(std::move(events));
  }
  void Continue(const std::string& id) override { continued.push_back(id); }
  void Stop(const std::string& id) override { stopped.push_back(id); }

  std::vector<Process> run;
  std::vector<Events> events_of;
  std::vector<std::string> continued, stopped;
};

class RecordingSink final : public TaskSink {
 public:
  void OnStarted(int pid) override { pids.push_back(pid); }
  void OnOutput(TaskStream stream, std::string bytes) override {
    output.emplace_back(stream, std::move(bytes));
  }
  void OnEnded(absl::StatusOr<TaskEnd> end) override { ends.push_back(std::move(end)); }

  std::vector<int> pids;
  std::vector<std::pair<TaskStream, std::string>> output;
  std::vector<absl::StatusOr<TaskEnd>> ends;
};

class TasksTest : public ::testing::Test {
 protected:
  TasksTest() {
    spec_.process.id = "proc_1";
    spec_.process.name = "web";
    spec_.process.instance_id = "of the process";
    spec_.process.spec.command = "python migrate.py";
    spec_.process.spec.account = "shop";
    spec_.process.spec.working_directory = "/srv/shop";
    spec_.process.spec.environment = {{"A", "1"}};
    spec_.process.spec.volumes.emplace_back().name = "uploads";
    spec_.process.spec.port = 8080;
    spec_.process.spec.ready.kind = ReadyKind::kHttp;
    spec_.process.spec.ready.path = "/up";
    spec_.process.spec.liveness.kind = LivenessKind::kTcp;
    spec_.process.spec.stop_signal = 3;
    spec_.process.spec.stop_timeout_ms = 3'600'000;
    spec_.user = "ann";
  }
  std::string Start() {
    const auto id = tasks_.Start(spec_, sink_);
    EXPECT_TRUE(id.ok()) << id.status();
    return id.value_or("");
  }
  // Timers that are set meanwhile count from their own time.
  void Pass(int64_t ms) {
    for (; ms > 0; ms -= 10'000) scheduler_.Advance(std::min<int64_t>(ms, 10'000));
  }
  static TaskRunEnd Exited(int code) {
    TaskRunEnd end;
    end.exit.exit_code = code;
    return end;
  }

  RecordingRunner runner_;
  testing::ManualScheduler scheduler_;
  Tasks tasks_{runner_, scheduler_};
  std::shared_ptr<RecordingSink> sink_ = std::make_shared<RecordingSink>();
  TaskSpec spec_;
};

TEST_F(TasksTest, RunsOnceUnderAnIdOfItsOwnAsTheProcess) {
  const std::string id = Start();
  ASSERT_EQ(runner_.run.size(), 1u);
  const Process& run = runner_.run[0];
  EXPECT_EQ(run.instance_id, id);
  EXPECT_NE(run.instance_id, "of the process");
  EXPECT_EQ(run.spec.restart, RestartPolicy::kNever);
  EXPECT_EQ(run.spec.account, "shop");
  EXPECT_EQ(run.spec.working_directory, "/srv/shop");
  EXPECT_EQ(run.spec.environment, spec_.process.spec.environment);
  EXPECT_EQ(run.spec.volumes, spec_.process.spec.volumes);
  EXPECT_EQ(PortOf(run.spec), 8080);
  EXPECT_EQ(run.spec.ready.kind, ReadyKind::kDelay);
  EXPECT_EQ(run.spec.ready.delay_ms, 0) << "nothing of it listens at the port of the process";
  EXPECT_EQ(run.spec.liveness.kind, LivenessKind::kNone);
  EXPECT_EQ(run.spec.stop_signal, 15);
  EXPECT_EQ(run.spec.stop_timeout_ms, 10'000);
  EXPECT_NE(Start(), id);
}

TEST_F(TasksTest, HandsOnWhatItWroteAndHowItEnded) {
  const std::string id = Start();
  runner_.events_of[0].on_started(42);
  runner_.events_of[0].on_output(TaskStream::kStderr, std::string("a\0b", 3));
  tasks_.Continue(id);
  runner_.events_of[0].on_ended(Exited(7));
  EXPECT_EQ(sink_->pids, std::vector<int>{42});
  ASSERT_EQ(sink_->output.size(), 1u);
  EXPECT_EQ(sink_->output[0].first, TaskStream::kStderr);
  EXPECT_EQ(sink_->output[0].second, std::string("a\0b", 3));
  EXPECT_EQ(runner_.continued, std::vector<std::string>{id});
  ASSERT_EQ(sink_->ends.size(), 1u);
  ASSERT_TRUE(sink_->ends[0].ok());
  EXPECT_EQ(sink_->ends[0]->exit.exit_code, 7);
  EXPECT_FALSE(sink_->ends[0]->timed_out);
  EXPECT_EQ(tasks_.Count(), 0);
}

TEST_F(TasksTest, EndsOnce) {
  const std::string id = Start();
  runner_.events_of[0].on_ended(Exited(0));
  runner_.events_of[0].on_ended(Exited(1));
  runner_.events_of[0].on_output(TaskStream::kStdout, "late");
  tasks_.Cancel(id);
  tasks_.Continue(id);
  Pass(limits::kTaskMaxMs);
  EXPECT_EQ(sink_->ends.size(), 1u);
  EXPECT_TRUE(sink_->output.empty());
  EXPECT_TRUE(runner_.stopped.empty());
  EXPECT_TRUE(runner_.continued.empty());
}

TEST_F(TasksTest, ACancelledOneIsStoppedAndEndsWhenItHasEnded) {
  const std::string id = Start();
  tasks_.Cancel(id);
  EXPECT_EQ(runner_.stopped, std::vector<std::string>{id});
  EXPECT_TRUE(sink_->ends.empty());
  EXPECT_EQ(tasks_.Count(), 1);
  EXPECT_EQ(runner_.continued.size(), 1u) << "its end comes after its output, which nobody takes";
  runner_.events_of[0].on_output(TaskStream::kStdout, "more");
  EXPECT_EQ(runner_.continued.size(), 2u);
  EXPECT_TRUE(sink_->output.empty());
  runner_.events_of[0].on_ended(Exited(0));
  EXPECT_EQ(sink_->ends.size(), 1u);
}

TEST_F(TasksTest, IsStoppedWhenItsTimeIsOverAndSaysSo) {
  spec_.timeout_ms = 150'000;
  const std::string id = Start();
  Pass(140'000);
  EXPECT_TRUE(runner_.stopped.empty());
  Pass(10'000);
  EXPECT_EQ(runner_.stopped, std::vector<std::string>{id});
  TaskRunEnd end;
  end.exit.reason = ExitReason::kSignaled;
  end.exit.signal = 15;
  runner_.events_of[0].on_ended(end);
  ASSERT_TRUE(sink_->ends[0].ok());
  EXPECT_TRUE(sink_->ends[0]->timed_out);
  EXPECT_EQ(sink_->ends[0]->exit.signal, 15);
}

TEST_F(TasksTest, OneWhoseTimeIsOverBeforeItWasExecutedSaysSo) {
  spec_.timeout_ms = 0;
  Start();
  Pass(1);
  runner_.events_of[0].on_ended(absl::CancelledError("not executed any more"));
  EXPECT_TRUE(absl::IsDeadlineExceeded(sink_->ends.at(0).status()));
}

TEST_F(TasksTest, NoneLastsLongerThanADay) {
  spec_.timeout_ms = INT64_MAX;
  Start();
  Pass(limits::kTaskMaxMs - 60'000);
  EXPECT_TRUE(runner_.stopped.empty());
  Pass(60'000);
  EXPECT_EQ(runner_.stopped.size(), 1u);
}

TEST_F(TasksTest, AUserHasSoManyAndTheOthersHaveTheirs) {
  for (int i = 0; i < limits::kTasksPerUser; ++i) Start();
  const auto refused = tasks_.Start(spec_, sink_);
  EXPECT_TRUE(absl::IsResourceExhausted(refused.status()));
  EXPECT_EQ(DetailOf(refused.status())->metadata.at("limit"), "tasks_per_user");
  EXPECT_EQ(runner_.run.size(), static_cast<size_t>(limits::kTasksPerUser));
  spec_.user = "bob";
  Start();
  spec_.user = "ann";
  runner_.events_of[0].on_ended(Exited(0));
  Start();
}

TEST_F(TasksTest, ThereAreSoManyInAll) {
  for (int i = 0; i < limits::kTasks; ++i) {
    spec_.user = "user" + std::to_string(i / limits::kTasksPerUser);
    Start();
  }
  spec_.user = "another";
  const auto refused = tasks_.Start(spec_, sink_);
  EXPECT_TRUE(absl::IsResourceExhausted(refused.status()));
  EXPECT_EQ(DetailOf(refused.status())->metadata.at("limit"), "tasks");
  spec_.user.clear();
  for (int i = 0; i < limits::kTasks; ++i) Start();  // the system does not wait for users
  EXPECT_TRUE(absl::IsResourceExhausted(tasks_.Start(spec_, sink_).status()));
}

// As the release command of a deploy is run.
TEST_F(TasksTest, WhoHearsOfItMayAskForMoreAtOnce) {
  struct Tail final : TaskSink {
    void OnStarted(int /*pid*/) override {}
    void OnOutput(TaskStream /*stream*/, std::string bytes) override {
      last = std::move(bytes);
      tasks->Continue(id);
    }
    void OnEnded(absl::StatusOr<TaskEnd> /*end*/) override { next = *tasks->Start(again, after); }
    Tasks* tasks = nullptr;
    std::string id, last, next;
    TaskSpec again;
    std::shared_ptr<TaskSink> after;
  };
  const auto tail = std::make_shared<Tail>();
  tail->tasks = &tasks_;
  tail->again = spec_;
  tail->after = sink_;
  tail->id = *tasks_.Start(spec_, tail);
  runner_.events_of[0].on_output(TaskStream::kStdout, "one");
  runner_.events_of[0].on_output(TaskStream::kStdout, "two");
  EXPECT_EQ(tail->last, "two");
  EXPECT_EQ(runner_.continued, (std::vector<std::string>{tail->id, tail->id}));
  runner_.events_of[0].on_ended(Exited(0));
  EXPECT_EQ(runner_.run.back().instance_id, tail->next);
  EXPECT_EQ(tasks_.Count(), 1);
}

TEST_F(TasksTest, WhatCouldNotBeExecutedSaysWhy) {
  Start();
  TaskRunEnd end;
  end.exit.reason = ExitReason::kExecFailed;
  end.exit.message = "there is no program 'pyton' in its PATH";
  end.exec_failure = ExecFailure{"exec", 2};
  runner_.events_of[0].on_ended(end);
  const absl::Status status = sink_->ends.at(0).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_EQ(DetailOf(status)->reason, reason::kExecFailed);
  EXPECT_EQ(DetailOf(status)->metadata.at("errno"), "2");
  EXPECT_NE(status.message().find("pyton"), std::string::npos);
}

TEST_F(TasksTest, WhatItCannotRunAsSaysSo) {
  Start();
  runner_.events_of[0].on_ended(absl::FailedPreconditionError("no such account"));
  EXPECT_EQ(DetailOf(sink_->ends.at(0).status())->reason, reason::kAccountRefused);
  Start();
  runner_.events_of[1].on_ended(absl::UnavailableError("its supervisor was lost"));
  EXPECT_EQ(DetailOf(sink_->ends.at(1).status())->reason, reason::kRuntimeUnavailable);
}

}  // namespace
}  // namespace grpc_os::core
