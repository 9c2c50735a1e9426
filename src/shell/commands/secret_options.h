// `--secret` of `start` and `update`.
#ifndef GRPC_OS_SHELL_COMMANDS_SECRET_OPTIONS_H_
#define GRPC_OS_SHELL_COMMANDS_SECRET_OPTIONS_H_

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "grpc_os/v1/process_services.pb.h"
#include "shell/session.h"

namespace grpc_os::shell {

class Arguments;

// Variables that are to be secret, with their values; nullopt: a K=V of the same command has it.
using Secrets = std::map<std::string, std::optional<std::string>>;

// From `--secret NAME=VALUE`, and `--secret NAME`: then the value is that of a K=V of the same
// command (`assigned`), else of this program's own environment, else it is asked for on the
// terminal. INVALID_ARGUMENT: a name that can be none, or there is no value to be had; CANCELLED:
// interrupted. No error has a value in it.
absl::StatusOr<Secrets> ReadSecrets(Session& session, const Arguments& arguments,
                                    const std::set<std::string>& assigned);

// Into the environment and the list of what is secret.
void ApplySecrets(const Secrets& secrets, v1::ProcessSpec& spec);
// Takes a name off that list. Whether it was on it.
bool RemoveSecret(const std::string& name, v1::ProcessSpec& spec);

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_COMMANDS_SECRET_OPTIONS_H_
