// Which daemon is meant.
#ifndef GRPC_OS_SHELL_DEFAULT_ADDRESS_H_
#define GRPC_OS_SHELL_DEFAULT_ADDRESS_H_

#include <functional>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "client/address.h"
#include "client/client.h"
#include "shell/contexts.h"

namespace grpc_os::shell {

// The environment's variable of this name, if it is set and not empty.
using Variable = std::function<std::optional<std::string>(const std::string& name)>;

// What the command line says of it: --address, --context, --secure, --ca.
struct Named {
  std::optional<std::string> address = {};
  std::optional<std::string> context = {};
  bool secure = false;
  std::optional<std::string> ca = {};
};

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
  // The name of its context; empty: it is in none. What follows is of the context.
  std::string context = {};
  std::string user = {};  // whose log-ins are meant; empty: whoever logs in
  bool production = false;
};

// The first of: --address, --context, $GRPC_OS_ADDRESS, $GRPC_OS_CONTEXT, the context in use, the
// local socket under $DATA_DIR, under the DATA_DIR of ./.env, under ./data if that is a data
// directory of gRPC OS, under /var/lib/grpc-os. Whether it answers does not matter: a command that
// is meant for one system must not reach another. INVALID_ARGUMENT: two of one rank, --secure or
// --ca for what is no address, an address or .env that cannot be read. Contexts are read only where
// no address is named: their errors, NOT_FOUND.
absl::StatusOr<Target> FindTarget(const Named& named, const Variable& variable,
                                  const Contexts& contexts);

// The system of a context; as FindTarget.
absl::StatusOr<Target> TargetOf(const Context& context);

// "prod (production)".
std::string NameOfContext(const Target& target);

// How a client of the target keeps its log-in, under `state_directory`: each context has one of its
// own, which is never used at another address, nor for another user of it.
client::ClientOptions OptionsFor(const Target& target, const std::string& state_directory,
                                 std::string token);

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_DEFAULT_ADDRESS_H_
