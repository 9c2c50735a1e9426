// Which daemon is meant when the user names none.
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

// The first of: $GRPC_OS_ADDRESS, the local socket under $DATA_DIR, under the DATA_DIR of ./.env,
// under ./data if it is there, under /var/lib/grpc-os. INVALID_ARGUMENT: an address or .env that
// cannot be read.
absl::StatusOr<client::Address> DefaultAddress(const Variable& variable);

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_DEFAULT_ADDRESS_H_
