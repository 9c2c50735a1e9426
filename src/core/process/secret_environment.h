// Environment variables whose values are never shown again.
#ifndef GRPC_OS_CORE_PROCESS_SECRET_ENVIRONMENT_H_
#define GRPC_OS_CORE_PROCESS_SECRET_ENVIRONMENT_H_

#include <map>
#include <optional>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "core/process/process.h"

namespace grpc_os::core {

// The environment as people may see it: the values of secret variables are "".
std::map<std::string, std::string> ShownEnvironment(const ProcessSpec& spec);

// What an update says of the environment; what is unset stays. A variable that goes is no secret
// any more.
struct EnvironmentChange {
  // As a whole; "" for a secret variable keeps the value that it has.
  std::optional<std::map<std::string, std::string>> environment = {};
  std::optional<std::set<std::string>> secrets = {};
};

// INVALID_ARGUMENT (FIELD_INVALID), and nothing changed: what is to be secret is no variable; a
// secret variable is to be one no more, but keeps the value that nobody may see; the environment as
// it becomes is too large. `prefix`: the path of the spec, "process.spec".
absl::Status ChangeEnvironment(const EnvironmentChange& change, const std::string& prefix,
                               ProcessSpec& spec);

// Of a spec that takes the place of another as a whole: the secret variables of `before` that it
// does not name, or names as secret without a value, stay.
void KeepSecrets(const ProcessSpec& before, ProcessSpec& spec);

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_PROCESS_SECRET_ENVIRONMENT_H_
