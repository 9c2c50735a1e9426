#include "core/process/secret_environment.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "core/process/validate.h"

namespace grpc_os::core {

std::map<std::string, std::string> ShownEnvironment(const ProcessSpec& spec) {
  std::map<std::string, std::string> shown = spec.environment;
  for (const std::string& name : spec.secrets) {
    if (const auto it = shown.find(name); it != shown.end()) it->second.clear();
  }
  return shown;
}

absl::Status ChangeEnvironment(const EnvironmentChange& change, const std::string& prefix,
                               ProcessSpec& spec) {
  ProcessSpec changed = spec;
  if (change.environment.has_value()) changed.environment = *change.environment;
  if (change.secrets.has_value()) {
    changed.secrets = *change.secrets;
  } else {
    std::erase_if(changed.secrets, [&changed](const std::string& name) {
      return !changed.environment.contains(name);
    });
  }
  Violations violations;
  for (const std::string& name : spec.secrets) {
    const auto it = changed.environment.find(name);
    if (it == changed.environment.end() || changed.secrets.contains(name)) continue;
    if (change.environment.has_value() && !it->second.empty()) continue;
    violations.Add(absl::StrCat(prefix, ".environment.", name),
                   "is secret, and its value would be shown; give it a new value, remove it, or "
                   "leave it among secret_environment");
  }
  if (change.environment.has_value()) {
    for (const std::string& name : changed.secrets) {
      const auto was = spec.environment.find(name);
      const auto it = changed.environment.find(name);
      if (was == spec.environment.end() || it == changed.environment.end()) continue;
      if (it->second.empty()) it->second = was->second;
    }
  }
  CheckSpec(changed, prefix, violations);
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  spec = std::move(changed);
  return absl::OkStatus();
}

void KeepSecrets(const ProcessSpec& before, ProcessSpec& spec) {
  for (const std::string& name : before.secrets) {
    const auto given = spec.environment.find(name);
    const bool kept =
        given == spec.environment.end() || (given->second.empty() && spec.secrets.contains(name));
    if (!kept) continue;
    spec.environment[name] = before.environment.at(name);
    spec.secrets.insert(name);
  }
}

}  // namespace grpc_os::core
