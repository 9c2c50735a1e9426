// core::Process and its parts as the API shows them, and back.
#ifndef GRPC_OS_SERVICES_CONVERT_PROCESS_CONVERT_H_
#define GRPC_OS_SERVICES_CONVERT_PROCESS_CONVERT_H_

#include <functional>
#include <string>

#include "core/process/process.h"
#include "core/process/process_ports.h"
#include "core/process/processes.h"
#include "core/violations.h"
#include "grpc_os/v1/process_services.pb.h"

namespace grpc_os::services {

v1::Process ToProto(const core::Process& process, const core::ProcessUsage& usage);
// Without the values of its secrets.
v1::ProcessSpec ToProto(const core::ProcessSpec& spec);
v1::LogLine ToProto(const core::LogLine& line);
v1::ExitReport ToProto(const core::ExitReport& exit);

// The spec with its defaults filled in; what is wrong goes to `violations`, under `prefix`.
core::ProcessSpec SpecFromProto(const v1::ProcessSpec& spec, const std::string& prefix,
                                core::Violations& violations);

// The change that an update asks for. Only the fields named by the mask (all that are set, if it is
// empty) are read, but all are checked.
core::Processes::Change ChangeFromProto(const v1::UpdateProcessRequest& request,
                                        core::Violations& violations);

}  // namespace grpc_os::services

#endif  // GRPC_OS_SERVICES_CONVERT_PROCESS_CONVERT_H_
