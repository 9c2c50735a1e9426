// Where things lie under DATA_DIR, for this room. docs/ARCHITECTURE.md, "Files under DATA_DIR".
#ifndef GRPC_OS_RUNTIME_LAYOUT_H_
#define GRPC_OS_RUNTIME_LAYOUT_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace grpc_os::runtime {

inline constexpr char kInitSocket[] = "init.sock";
inline constexpr char kControlSocket[] = "ctl.sock";
// Of messages.proto, as this program speaks it.
inline constexpr int kProtocolVersion = 1;

std::string RunDirectory(const std::string& data_directory);
std::string InstanceDirectory(const std::string& data_directory, const std::string& instance_id);
std::string LogsDirectory(const std::string& data_directory);
std::string ProcessesDirectory(const std::string& data_directory);
std::string ApiSocket(const std::string& data_directory);

// INVALID_ARGUMENT unless it can be used as one component of a path: 32 hexadecimal digits; the id
// of a process; its name.
absl::Status CheckInstanceId(std::string_view instance_id);
absl::Status CheckProcessId(std::string_view process_id);
absl::Status CheckProcessName(std::string_view name);

}  // namespace grpc_os::runtime

#endif  // GRPC_OS_RUNTIME_LAYOUT_H_
