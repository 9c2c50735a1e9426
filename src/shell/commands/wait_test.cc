// `wait`, and `--wait` of start and restart.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "grpc_os/v1/process_services.pb.h"
#include "shell/commands/typed_commands.h"

namespace grpc_os::shell {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class WaitTest : public ::testing::Test, protected TypedCommands {
 protected:
  using TypedCommands::Run;
  // What happens to the process while it is waited for.
  void Meanwhile(v1::Process::State state, int exit_code, int restarts = 0) {
    daemon_.state.at_process_wait = [=](v1::Process& process) {
      v1::ProcessStatus& status = *process.mutable_status();
      status.set_state(state);
      status.set_restart_count(restarts);
      status.mutable_last_exit()->set_reason(v1::ExitReport::REASON_EXITED);
      status.mutable_last_exit()->set_exit_code(exit_code);
    };
  }
  // How many calls there were of a method.
  int64_t Count(const std::string& method) {
    const auto calls = daemon_.calls();
    return std::count_if(calls.begin(), calls.end(),
                         [&](const std::string& call) { return call.starts_with(method); });
  }
  v1::ExitReport& LastExit(const std::string& name) {
    daemon_.AddProcess(name, v1::Process::STATE_EXITED);
    return *daemon_.state.processes.at(name).mutable_status()->mutable_last_exit();
  }
};

TEST_F(WaitTest, StartEndsOnceItIsReady) {
  EXPECT_EQ(Run("start web ./web --wait ready"), ExitCode::kOk);
  EXPECT_THAT(out(), HasSubstr(", ready. Its output: "));
  EXPECT_EQ(Run("start web --wait ready"), ExitCode::kOk);
  EXPECT_EQ(Run("start web --wait ready"), ExitCode::kOk);
  EXPECT_THAT(out(), HasSubstr("runs already, pid 4243, ready"));
  EXPECT_EQ(Run("restart web --wait ready"), ExitCode::kOk);
  EXPECT_THAT(out(), HasSubstr("pid 4243, ready"));
}

TEST_F(WaitTest, WithoutWaitItEndsWhenItRuns) {
  Meanwhile(v1::Process::STATE_BACKOFF, 3);
  EXPECT_EQ(Run("start web ./web"), ExitCode::kOk);
  EXPECT_EQ(Count("WaitProcess"), 0);
}

TEST_F(WaitTest, WhatEndsBeforeItIsReadyFailsTheStartAndSaysHow) {
  daemon_.state.log = {LogMessage("no such table\n", "1")};
  Meanwhile(v1::Process::STATE_BACKOFF, 3);
  for (const char* line :
       {"start web ./web --wait ready", "start web --wait ready", "restart web --wait ready"}) {
    SCOPED_TRACE(line);
    EXPECT_EQ(Run(line), ExitCode::kFailure);
    EXPECT_THAT(err(), AllOf(HasSubstr("web ended before it was ready: exit 3."),
                             HasSubstr("last exit: exit 3"), HasSubstr("no such table")));
    EXPECT_EQ(out(), "");
  }
}

TEST_F(WaitTest, WhatRunsAgainAlreadyHasEndedToo) {
  Meanwhile(v1::Process::STATE_RUNNING, 3, 1);
  EXPECT_EQ(Run("start web ./web --wait ready"), ExitCode::kFailure);
  EXPECT_THAT(err(), HasSubstr("web ended before it was ready: exit 3."));
}

TEST_F(WaitTest, WhatEndsForGoodHasEnded) {
  Meanwhile(v1::Process::STATE_EXITED, 0);
  EXPECT_EQ(Run("start job ./job --restart never --wait ready"), ExitCode::kFailure);
  EXPECT_THAT(err(), HasSubstr("job ended before it was ready: exit 0."));
}

TEST_F(WaitTest, StartWaitsSoLong) {
  EXPECT_EQ(Run("start web ./web --wait 1ms"), ExitCode::kOk);
  EXPECT_THAT(out(), HasSubstr(", still after 1ms. Its output: "));
  Meanwhile(v1::Process::STATE_CRASH_LOOPING, 3);
  EXPECT_EQ(Run("start web --wait 1h"), ExitCode::kFailure);
  EXPECT_THAT(err(), HasSubstr("web ended within 1h"));
}

TEST_F(WaitTest, StartGivesUp) {
  daemon_.state.never_ready = true;
  EXPECT_EQ(Run("start web ./web --wait ready --timeout 100ms"), ExitCode::kTimeout);
  EXPECT_THAT(err(), HasSubstr("web is not ready but running; gave up waiting."));
}

TEST_F(WaitTest, StartSaysWhatItMayWaitFor) {
  for (const char* line :
       {"start web ./web --wait tomorrow", "start web --wait ''", "restart web --wait exited"}) {
    EXPECT_EQ(Run(line), ExitCode::kUsage);
    EXPECT_THAT(err(), HasSubstr("expected: ready, or a time such as 5s.")) << line;
  }
  EXPECT_EQ(Count("CreateProcess"), 0);
}

TEST_F(WaitTest, CodeIsThatOfTheProcess) {
  v1::ExitReport& exit = LastExit("job");
  exit.set_reason(v1::ExitReport::REASON_EXITED);
  exit.set_exit_code(42);
  EXPECT_EQ(Run("wait job --for exited --code"), static_cast<ExitCode>(42));
  EXPECT_THAT(out(), HasSubstr("job exited with code 42"));
  EXPECT_EQ(Run("wait job --code -o json"), static_cast<ExitCode>(42));
  exit.set_exit_code(0);
  EXPECT_EQ(Run("wait job --code"), ExitCode::kOk);
  exit.clear_exit_code();
  exit.set_reason(v1::ExitReport::REASON_SIGNALED);
  exit.set_signal("KILL");
  EXPECT_EQ(Run("wait job --code"), static_cast<ExitCode>(137));
  exit.clear_signal();
  exit.set_reason(v1::ExitReport::REASON_EXEC_FAILED);
  EXPECT_EQ(Run("wait job --code"), static_cast<ExitCode>(126));
  exit.set_reason(v1::ExitReport::REASON_SUPERVISOR_LOST);
  EXPECT_EQ(Run("wait job --code"), ExitCode::kFailure);
  EXPECT_THAT(err(), HasSubstr("The exit code of job is not known: supervisor lost."));
}

TEST_F(WaitTest, CodeNeedsOneThatHasRun) {
  daemon_.AddProcess("new", v1::Process::STATE_STOPPED);
  EXPECT_EQ(Run("wait new --code"), ExitCode::kConflict);
  EXPECT_THAT(err(), HasSubstr("it has not run"));
  EXPECT_EQ(Run("wait nothing --code"), ExitCode::kNotFound);
  daemon_.AddProcess("web", v1::Process::STATE_RUNNING);
  EXPECT_EQ(Run("wait web --code --timeout 1ms"), ExitCode::kTimeout);
  for (const char* line : {"wait a b --code", "wait 'a*' --code", "wait web --for ready --code"}) {
    EXPECT_EQ(Run(line), ExitCode::kUsage) << line;
    EXPECT_THAT(err(), HasSubstr("--for exited --code")) << line;
  }
}

}  // namespace
}  // namespace grpc_os::shell
