// The bundle of a directory of this machine.
#ifndef GRPC_OS_SHELL_COMMANDS_DIRECTORY_BUNDLE_H_
#define GRPC_OS_SHELL_COMMANDS_DIRECTORY_BUNDLE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bundle/pack.h"
#include "shell/session.h"

namespace grpc_os::shell {

struct DirectoryBundle {
  std::string directory;
  bundle::Packed packed;
  bool dockerfile = false;  // the directory has one
};

// Reads all of it but what its ignore files leave out. Errors of bundle::ReadIgnoreFiles and
// bundle::Pack; CANCELLED if the user interrupts.
absl::StatusOr<DirectoryBundle> ReadBundle(Session& session, const std::string& directory);

// Makes it an object of the daemon, which can be deployed, if it is none yet: then shows how far it
// is. When it is killed, the next one goes on. Errors as above, FAILED_PRECONDITION if the
// directory has changed since it was read, and those of the calls.
absl::Status UploadBundle(Session& session, const DirectoryBundle& bundle);

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_COMMANDS_DIRECTORY_BUNDLE_H_
