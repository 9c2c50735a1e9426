// The grammar and limits of what users give for processes.
#ifndef GRPC_OS_CORE_PROCESS_VALIDATE_H_
#define GRPC_OS_CORE_PROCESS_VALIDATE_H_

#include <string>
#include <string_view>

#include "core/process/process.h"
#include "core/violations.h"

namespace grpc_os::core {

// A letter or digit, then up to 62 letters, digits, '.', '_', '-'; must not look like an id.
void CheckProcessName(std::string_view name, const std::string& field, Violations& violations);
// Of one that is made anew: the names of gRPC OS's own processes are no user's.
inline constexpr std::string_view kSystemNamePrefix = "grpc-os-";
absl::Status CheckNotReserved(std::string_view name, const std::string& field);
// "proc_" and 1 to 32 of a-z 0-9.
void CheckProcessId(std::string_view id, const std::string& field, Violations& violations);
// A name or id in a request that refers to a process: not empty, at most 63 bytes, printable.
void CheckProcessReference(std::string_view reference, const std::string& field,
                           Violations& violations);
// Empty (the default), or an absolute path of at most limits::kPathBytes.
void CheckDirectory(std::string_view directory, const std::string& field, Violations& violations);
// Empty (the default), or what may be the name of an account of the machine.
void CheckAccount(std::string_view account, const std::string& field, Violations& violations);
void CheckCommand(const std::string& command, const std::string& field, Violations& violations);
void CheckEnvironment(const ProcessSpec& spec, const std::string& field, Violations& violations);
// All of a spec; `prefix` is the path of the spec in the request: "process.spec".
void CheckSpec(const ProcessSpec& spec, const std::string& prefix, Violations& violations);
// What one field needs of another, of a spec that is whole: each probe a port, a volume's place a
// bundle.
void CheckTogether(const ProcessSpec& spec, const std::string& prefix, Violations& violations);

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_PROCESS_VALIDATE_H_
