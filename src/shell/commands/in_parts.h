// What is too much for one revision, done part by part.
#ifndef GRPC_OS_SHELL_COMMANDS_IN_PARTS_H_
#define GRPC_OS_SHELL_COMMANDS_IN_PARTS_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "shell/session.h"

namespace grpc_os::shell {

// Whether a call was refused because it is about more than one revision takes.
bool IsTooMuch(const absl::Status& status);

struct InParts {
  std::string what;              // "rm /big", for who watches
  std::string done;              // "deleted": what becomes of each
  std::string again;             // the command that goes on
  std::optional<int64_t> total;  // of all parts, where it is known
};
struct Part {
  int64_t count = 0;
  bool more = false;
};
// Calls `next` until there is no more, showing how far it is; how many in all. Where it ends early,
// that is told, and which command goes on. Somebody else may do the rest meanwhile.
absl::StatusOr<int64_t> DoInParts(Session& session, const InParts& work,
                                  const std::function<absl::StatusOr<Part>()>& next);

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_COMMANDS_IN_PARTS_H_
