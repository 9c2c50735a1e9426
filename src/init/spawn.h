// Executes a program as another one of ours.
#ifndef GRPC_OS_INIT_SPAWN_H_
#define GRPC_OS_INIT_SPAWN_H_

#include <sys/resource.h>
#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "init/accounts.h"

namespace grpc_os::init {

struct Program {
  std::string path;                      // absolute
  std::vector<std::string> arguments;    // the program's name first
  std::vector<std::string> environment;  // all of it, "NAME=value"
  // What it gets as which descriptor; standard input, output and error that are not here are
  // /dev/null.
  std::vector<std::pair<int, int>> descriptors;
  // Becomes this account, with no capability but these, kept as ambient ones; nullopt: stays as it
  // is.
  std::optional<Account> account;
  std::vector<int> capabilities;
  std::string working_directory;  // empty: ours
  std::optional<rlimit> files;    // its RLIMIT_NOFILE; nullopt: ours
};

// In a session of its own, with default signals. Returns once the program was executed, or with
// what failed, as a sentence. The caller reaps the child.
absl::StatusOr<pid_t> Spawn(const Program& program);

}  // namespace grpc_os::init

#endif  // GRPC_OS_INIT_SPAWN_H_
