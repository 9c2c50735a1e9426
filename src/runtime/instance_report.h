// What supervise tells, in the words of the core.
#ifndef GRPC_OS_RUNTIME_INSTANCE_REPORT_H_
#define GRPC_OS_RUNTIME_INSTANCE_REPORT_H_

#include <string>

#include "core/process/process.h"
#include "core/process/supervision.h"
#include "protocol/messages.pb.h"

namespace grpc_os::runtime {

// What an execution was about, to name it in messages. Empty: not known.
struct Execution {
  std::string program;
  std::string working_directory;
};

// The report without seq, time_ms and action. A state that is not known here (a newer supervisor's)
// becomes `otherwise`; `execution` is what last_exit is about.
core::InstanceReport ReportFrom(const internal::InstanceStatus& status, const Execution& execution,
                                core::ProcessState otherwise);

// With a message for people where the execution failed or the supervisor was lost.
core::ExitReport ExitReportFrom(const internal::ExitInfo& exit, const Execution& execution);

}  // namespace grpc_os::runtime

#endif  // GRPC_OS_RUNTIME_INSTANCE_REPORT_H_
