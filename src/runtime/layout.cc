#include "runtime/layout.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/process/validate.h"

namespace grpc_os::runtime {
namespace {

bool IsHexDigit(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

}  // namespace

std::string RunDirectory(const std::string& data_directory) {
  return absl::StrCat(data_directory, "/run");
}

std::string InstanceDirectory(const std::string& data_directory, const std::string& instance_id) {
  return absl::StrCat(data_directory, "/run/i/", instance_id);
}

std::string LogsDirectory(const std::string& data_directory) {
  return absl::StrCat(data_directory, "/logs");
}

std::string ApiSocket(const std::string& data_directory) {
  return absl::StrCat(data_directory, "/run/api.sock");
}

std::string ProcessesDirectory(const std::string& data_directory) {
  return absl::StrCat(data_directory, "/processes");
}

absl::Status CheckInstanceId(std::string_view instance_id) {
  if (instance_id.size() == 32 && std::all_of(instance_id.begin(), instance_id.end(), IsHexDigit)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("the id of an instance is 32 hexadecimal digits, not '",
                   std::string(instance_id.substr(0, 64)), "'"));
}

absl::Status CheckProcessId(std::string_view process_id) {
  core::Violations violations;
  core::CheckProcessId(process_id, "process_id", violations);
  return violations.ToStatus();
}

absl::Status CheckProcessName(std::string_view name) {
  core::Violations violations;
  core::CheckProcessName(name, "name", violations);
  return violations.ToStatus();
}

}  // namespace grpc_os::runtime
