// Directories with a process.yml, as commands are given them.
#ifndef GRPC_OS_SHELL_COMMANDS_PROCESS_DIRECTORY_H_
#define GRPC_OS_SHELL_COMMANDS_PROCESS_DIRECTORY_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "manifest/process_manifest.h"
#include "shell/session.h"

namespace grpc_os::shell {

struct ProcessDirectory {
  std::string file;       // its process.yml, as it is shown
  std::string directory;  // what its processes have as their bundle
  std::vector<manifest::ProcessManifest> processes;
};

// What `path`, a process.yml or its directory, says. nullopt: all that is wrong with it was
// printed, and `code` says how bad it is.
std::optional<ProcessDirectory> ReadProcessDirectory(Session& session, const std::string& path,
                                                     ExitCode& code);

// The same of each process.yml at and below `path`, by their names; below a directory that has one
// there are no others. Hidden directories and links are passed over. What cannot be read is
// printed and left out, and `code` says so.
std::vector<ProcessDirectory> ReadProcessDirectories(Session& session, const std::string& path,
                                                     ExitCode& code);

// In which order processes are deployed: each after those of them that it depends on.
// INVALID_ARGUMENT: two have one name, or they depend on each other in a circle.
absl::StatusOr<std::vector<size_t>> DeployOrder(
    const std::vector<manifest::ProcessManifest>& processes);

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_COMMANDS_PROCESS_DIRECTORY_H_
