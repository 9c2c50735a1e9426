// Which daemon is meant.
#ifndef GRPC_OS_SHELL_DEFAULT_ADDRESS_H_
#define GRPC_OS_SHELL_DEFAULT_ADDRESS_H_

#include <functional>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "client/address.h"

namespace grpc_os::shell {

// The environment's variable of this name, if it is set and not empty.
using Variable = std::function<std::optional<std::string>(const std::string& name)>;

struct Target {
  client::Address address;
  // Why this one is meant, as a sentence for when it does not answer; empty if the user has just
  // named it, or nothing does.
  std::string reason = {};
  // What to call it where it is not the one that would be meant without --address and
  // $GRPC_OS_ADDRESS; else empty.
  std::string name = {};
  // Whether it is that of the source folder we are in: `make run` and `make stop` mean it.
  bool is_of_make = false;
};

// The first of: `given` (--address), $GRPC_OS_ADDRESS, the local socket under $DATA_DIR, under the
// DATA_DIR of ./.env, under ./data if that is a data directory of gRPC OS, under /var/lib/grpc-os.
// Whether it answers does not matter: a command that is meant for one system must not reach
// another. INVALID_ARGUMENT: an address or .env that cannot be read.
absl::StatusOr<Target> FindTarget(const std::optional<std::string>& given,
                                  const Variable& variable);

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_DEFAULT_ADDRESS_H_
