// The options of `start` and `update` about the port of a process and what is probed.
#ifndef GRPC_OS_SHELL_COMMANDS_PROBE_OPTIONS_H_
#define GRPC_OS_SHELL_COMMANDS_PROBE_OPTIONS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "grpc_os/v1/process_services.pb.h"
#include "shell/command_table.h"
#include "shell/parser.h"

namespace grpc_os::shell {

std::vector<Option> ProbeOptions();

// As ApplySpecOptions. A time alone changes nothing else of what `spec` says of that probe.
absl::Status ApplyProbeOptions(const Arguments& arguments, v1::ProcessSpec& spec,
                               std::vector<std::string>& paths);

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_COMMANDS_PROBE_OPTIONS_H_
