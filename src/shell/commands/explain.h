// Why a process is not as its user wanted it.
#ifndef GRPC_OS_SHELL_COMMANDS_EXPLAIN_H_
#define GRPC_OS_SHELL_COMMANDS_EXPLAIN_H_

#include <string>

#include "absl/status/status.h"
#include "grpc_os/v1/process_services.pb.h"
#include "shell/session.h"

namespace grpc_os::shell {

// The reason (ErrorDetail) of an error of ours: the user's time to wait was over.
inline constexpr char kWaitTimedOut[] = "WAIT_TIMED_OUT";
// Another one: what was started has ended before it was as the user wanted it.
inline constexpr char kEndedEarly[] = "ENDED_EARLY";

// After `error` of a call about the process `name`: if it has to do with how the process ended or
// started, prints its last exit report and the last lines of its log.
void ExplainFailure(Session& session, const std::string& name, const absl::Status& error);

// The same for a process that was just started and has ended already by itself.
void ExplainEnd(Session& session, const v1::Process& process);

// Session::Report of an error of several lines, as a list of problems or with the end of a log.
ExitCode ReportLines(Session& session, const absl::Status& status);

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_COMMANDS_EXPLAIN_H_
