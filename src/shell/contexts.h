// The systems that a user has given names to.
#ifndef GRPC_OS_SHELL_CONTEXTS_H_
#define GRPC_OS_SHELL_CONTEXTS_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "shell/protos/contexts.pb.h"

namespace grpc_os::shell {

// Kept in <directory>/contexts.yml, 0600, which has no secrets. Several programs may change it at
// once: a change replaces the whole file by rename, one after the other.
class Contexts {
 public:
  explicit Contexts(const std::string& directory) : path_(directory + "/contexts.yml") {}

  // None, if there is no file. FAILED_PRECONDITION: it is no file of the user's own that nobody
  // else may read. INVALID_ARGUMENT: it is malformed. Both name it and what to do.
  absl::StatusOr<ContextList> Read() const;
  // Keeps what `change` makes of them, unless it fails.
  absl::Status Change(const std::function<absl::Status(ContextList& list)>& change) const;

  const std::string& path() const { return path_; }

 private:
  const std::string path_;
};

// nullptr: there is none.
const Context* FindContext(const ContextList& list, const std::string& name);
const Context* ContextInUse(const ContextList& list);
// NOT_FOUND, with the nearest name.
absl::Status NoContext(const ContextList& list, const std::string& name);
// Puts those that are in a file into words of it; the inverse of what Read does.
std::string WriteContexts(const ContextList& list);
// Of values that the file may hold: INVALID_ARGUMENT names the first that is no text of a line.
absl::Status CheckContext(const Context& context);

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_CONTEXTS_H_
