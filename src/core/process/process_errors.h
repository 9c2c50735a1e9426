// What goes wrong with processes, as errors that say what to do.
#ifndef GRPC_OS_CORE_PROCESS_PROCESS_ERRORS_H_
#define GRPC_OS_CORE_PROCESS_PROCESS_ERRORS_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "core/process/process.h"
#include "core/process/supervision.h"

namespace grpc_os::core {

absl::Status ProcessNotFound(const std::string& reference);
// A user asks for more of a system process than to read and restart it.
absl::Status SystemProcessRefused(const Process& process);
// `owner` has the name; nullptr: it is being created just now.
absl::Status NameTaken(const std::string& name, const Process* owner);
// `owner_name` empty: who asks may not know it.
absl::Status IdTaken(const std::string& id, const std::string& owner_name);
// `owner` has the port; nullptr: who asks may not know it.
absl::Status PortTaken(const Process& process, int port, const Process* owner);
// `way`: "a → b → a".
absl::Status DependencyCycle(const Process& process, const std::string& way);
absl::Status NoFreePort(int first, int last);
absl::Status TooManyProcesses(int count);
// `why`, a clause: see Processes::Hold.
absl::Status SystemHeld(const std::string& why);
absl::Status TooManyWaiters(const Process& process);
absl::Status EtagMismatch(const Process& process, const std::string& actual,
                          const std::string& given);
// Another call changed what this one waited for.
absl::Status Superseded(const Process& process);
absl::Status ExecFailed(const Process& process, const std::optional<ExecFailure>& failure);
absl::Status AccountRefused(const Process& process, const std::string& cause);
absl::Status Unkillable(const Process& process);
absl::Status StillRunning(const Process& process);
// `what_for`: "there is nothing to signal".
absl::Status NotRunning(const Process& process, const std::string& what_for);
absl::Status SupervisorSilent(const Process& process);

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_PROCESS_PROCESS_ERRORS_H_
