#include "runtime/instance_report.h"

#include <string.h>

#include <optional>

#include "absl/strings/str_cat.h"

namespace grpc_os::runtime {
namespace {

std::optional<core::ProcessState> StateFrom(internal::InstanceState state) {
  switch (state) {
    case internal::INSTANCE_STARTING:
      return core::ProcessState::kStarting;
    case internal::INSTANCE_RUNNING:
      return core::ProcessState::kRunning;
    case internal::INSTANCE_STOPPING:
      return core::ProcessState::kStopping;
    case internal::INSTANCE_BACKOFF:
      return core::ProcessState::kBackoff;
    case internal::INSTANCE_CRASH_LOOPING:
      return core::ProcessState::kCrashLooping;
    case internal::INSTANCE_STOPPED:
      return core::ProcessState::kStopped;
    case internal::INSTANCE_EXITED:
      return core::ProcessState::kExited;
    case internal::INSTANCE_FAILED:
      return core::ProcessState::kFailed;
    case internal::INSTANCE_UNKILLABLE:
      return core::ProcessState::kUnkillable;
    default:
      return std::nullopt;
  }
}

core::ExitReason ReasonFrom(internal::ExitInfo::Reason reason) {
  switch (reason) {
    case internal::ExitInfo::EXITED:
      return core::ExitReason::kExited;
    case internal::ExitInfo::SIGNALED:
      return core::ExitReason::kSignaled;
    case internal::ExitInfo::EXEC_FAILED:
      return core::ExitReason::kExecFailed;
    case internal::ExitInfo::NOT_LIVE:
      return core::ExitReason::kNotLive;
    default:  // how it ended is not known, which is what this reason says
      return core::ExitReason::kSupervisorLost;
  }
}

std::string ExecFailedMessage(const internal::ExitInfo& exit, const Execution& execution) {
  std::string message = execution.program.empty()
                            ? "cannot execute the command"
                            : absl::StrCat("cannot execute '", execution.program, "'");
  if (exit.stage() == "chdir" && !execution.working_directory.empty()) {
    absl::StrAppend(&message, " in '", execution.working_directory, "'");
  }
  if (exit.error_number() != 0) {
    const char* text = strerrordesc_np(exit.error_number());
    absl::StrAppend(&message, ": ",
                    text != nullptr ? text : absl::StrCat("error ", exit.error_number()));
  }
  if (!exit.stage().empty()) absl::StrAppend(&message, " (stage ", exit.stage(), ")");
  return message;
}

}  // namespace

core::ExitReport ExitReportFrom(const internal::ExitInfo& exit, const Execution& execution) {
  core::ExitReport report;
  report.reason = ReasonFrom(exit.reason());
  report.signal = exit.signal();
  report.core_dumped = exit.core_dumped();
  report.requested = exit.requested();
  report.attempt = exit.attempt();
  report.start_time_ms = exit.start_time_ms();
  report.exit_time_ms = exit.exit_time_ms();
  switch (report.reason) {
    case core::ExitReason::kExited:
      report.exit_code = exit.exit_code();
      break;
    case core::ExitReason::kExecFailed:
      report.message = ExecFailedMessage(exit, execution);
      break;
    case core::ExitReason::kNotLive:
      if (exit.signal() == 0) report.exit_code = exit.exit_code();
      report.message = exit.message();
      break;
    case core::ExitReason::kSupervisorLost:
      report.message = "its supervisor was lost and it was ended; how it ended is not known";
      break;
    default:
      break;
  }
  return report;
}

core::InstanceReport ReportFrom(const internal::InstanceStatus& status, const Execution& execution,
                                core::ProcessState otherwise) {
  core::InstanceReport report;
  report.instance_id = status.instance_id();
  report.process_id = status.process_id();
  report.restart_number = status.restart_number();
  report.ever_started = status.ever_started();
  report.newest_seq = status.seq();
  report.status.state = StateFrom(status.state()).value_or(otherwise);
  report.status.ready = status.ready();
  report.status.pid = status.pid();
  report.status.start_time_ms = status.start_time_ms();
  report.status.restart_count = status.restart_count();
  if (status.has_last_exit()) {
    report.status.last_exit = ExitReportFrom(status.last_exit(), execution);
    if (status.last_exit().reason() == internal::ExitInfo::EXEC_FAILED) {
      report.exec_failure = {status.last_exit().stage(), status.last_exit().error_number()};
    }
  }
  report.status.next_restart_time_ms = status.next_restart_time_ms();
  report.status.observed_generation = status.observed_generation();
  report.status.running_generation = status.running_generation();
  report.status.message = status.message();
  report.status.log_dropped_bytes = status.log_dropped_bytes();
  return report;
}

}  // namespace grpc_os::runtime
