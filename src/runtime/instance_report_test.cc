#include "runtime/instance_report.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace grpc_os::runtime {
namespace {

TEST(InstanceReportTest, TranslatesEachState) {
  const std::pair<internal::InstanceState, core::ProcessState> states[] = {
      {internal::INSTANCE_STARTING, core::ProcessState::kStarting},
      {internal::INSTANCE_RUNNING, core::ProcessState::kRunning},
      {internal::INSTANCE_STOPPING, core::ProcessState::kStopping},
      {internal::INSTANCE_BACKOFF, core::ProcessState::kBackoff},
      {internal::INSTANCE_CRASH_LOOPING, core::ProcessState::kCrashLooping},
      {internal::INSTANCE_STOPPED, core::ProcessState::kStopped},
      {internal::INSTANCE_EXITED, core::ProcessState::kExited},
      {internal::INSTANCE_FAILED, core::ProcessState::kFailed},
      {internal::INSTANCE_UNKILLABLE, core::ProcessState::kUnkillable},
  };
  for (const auto& [told, expected] : states) {
    internal::InstanceStatus status;
    status.set_state(told);
    EXPECT_EQ(ReportFrom(status, {}, core::ProcessState::kPending).status.state, expected) << told;
  }
  internal::InstanceStatus newer;
  newer.set_state(static_cast<internal::InstanceState>(99));
  EXPECT_EQ(ReportFrom(newer, {}, core::ProcessState::kBackoff).status.state,
            core::ProcessState::kBackoff);
}

TEST(InstanceReportTest, TranslatesTheWholeStatus) {
  internal::InstanceStatus status;
  status.set_instance_id("i");
  status.set_process_id("p");
  status.set_state(internal::INSTANCE_BACKOFF);
  status.set_ready(true);
  status.set_pid(1);
  status.set_start_time_ms(2);
  status.set_restart_count(3);
  status.set_next_restart_time_ms(4);
  status.set_observed_generation(5);
  status.set_running_generation(6);
  status.set_restart_number(7);
  status.set_log_dropped_bytes(8);
  status.set_message("m");
  status.set_ever_started(true);
  const core::InstanceReport report = ReportFrom(status, {}, core::ProcessState::kPending);
  EXPECT_EQ(report.instance_id, "i");
  EXPECT_EQ(report.process_id, "p");
  EXPECT_EQ(report.restart_number, 7);
  EXPECT_TRUE(report.ever_started);
  core::ProcessStatus expected;
  expected.state = core::ProcessState::kBackoff;
  expected.ready = true;
  expected.pid = 1;
  expected.start_time_ms = 2;
  expected.restart_count = 3;
  expected.next_restart_time_ms = 4;
  expected.observed_generation = 5;
  expected.running_generation = 6;
  expected.log_dropped_bytes = 8;
  expected.message = "m";
  EXPECT_EQ(report.status, expected);
}

TEST(InstanceReportTest, ExitCodeIsSetOnlyForAnExit) {
  internal::ExitInfo exit;
  exit.set_reason(internal::ExitInfo::EXITED);
  EXPECT_EQ(ExitReportFrom(exit, {}).exit_code, 0);
  EXPECT_EQ(ExitReportFrom(exit, {}).message, "");
  exit.set_reason(internal::ExitInfo::SIGNALED);
  exit.set_signal(11);
  exit.set_core_dumped(true);
  exit.set_requested(true);
  exit.set_attempt(2);
  exit.set_start_time_ms(3);
  exit.set_exit_time_ms(4);
  core::ExitReport expected;
  expected.reason = core::ExitReason::kSignaled;
  expected.signal = 11;
  expected.core_dumped = true;
  expected.requested = true;
  expected.attempt = 2;
  expected.start_time_ms = 3;
  expected.exit_time_ms = 4;
  EXPECT_EQ(ExitReportFrom(exit, {}), expected);
}

TEST(InstanceReportTest, SaysWhatCouldNotBeExecuted) {
  internal::ExitInfo exit;
  exit.set_reason(internal::ExitInfo::EXEC_FAILED);
  exit.set_stage("exec");
  exit.set_error_number(ENOENT);
  EXPECT_EQ(ExitReportFrom(exit, {"foo", "/d"}).message,
            "cannot execute 'foo': No such file or directory (stage exec)");
  EXPECT_EQ(ExitReportFrom(exit, {}).message,
            "cannot execute the command: No such file or directory (stage exec)");
  exit.set_stage("chdir");
  exit.set_error_number(EACCES);
  EXPECT_EQ(ExitReportFrom(exit, {"foo", "/d"}).message,
            "cannot execute 'foo' in '/d': Permission denied (stage chdir)");
}

TEST(InstanceReportTest, LostSupervisorIsNoMadeUpExit) {
  internal::ExitInfo exit;
  exit.set_reason(internal::ExitInfo::SUPERVISOR_LOST);
  const core::ExitReport report = ExitReportFrom(exit, {});
  EXPECT_EQ(report.reason, core::ExitReason::kSupervisorLost);
  EXPECT_FALSE(report.exit_code.has_value());
  EXPECT_FALSE(report.message.empty());
}

TEST(InstanceReportTest, WhatWasNotLiveSaysWhyAndHowItEnded) {
  internal::ExitInfo exit;
  exit.set_reason(internal::ExitInfo::NOT_LIVE);
  exit.set_message("no answer");
  exit.set_exit_code(3);
  core::ExitReport report = ExitReportFrom(exit, {});
  EXPECT_EQ(report.reason, core::ExitReason::kNotLive);
  EXPECT_EQ(report.message, "no answer");
  EXPECT_EQ(report.exit_code, 3);
  exit.set_exit_code(0);
  exit.set_signal(9);
  report = ExitReportFrom(exit, {});
  EXPECT_EQ(report.signal, 9);
  EXPECT_FALSE(report.exit_code.has_value());
}

}  // namespace
}  // namespace grpc_os::runtime
