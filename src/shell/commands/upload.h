// Storing a content that is larger than one call takes.
#ifndef GRPC_OS_SHELL_COMMANDS_UPLOAD_H_
#define GRPC_OS_SHELL_COMMANDS_UPLOAD_H_

#include <string>

#include "absl/status/statusor.h"
#include "grpc_os/v1/filesystem_services.pb.h"
#include "shell/commands/upload_note.h"
#include "shell/commands/upload_source.h"
#include "shell/session.h"

namespace grpc_os::shell {

// Sends all of `source` and makes the object of it. Over lost connections and restarts of the
// daemon it goes on with what is durable there, and with a note also after the end of this program,
// as long as file and object are the same. Shows how far it is; `what` stands for it.
absl::StatusOr<v1::Object> Upload(Session& session, const v1::StartUploadRequest& request,
                                  UploadSource& source, const UploadNote* note,
                                  const std::string& what);

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_COMMANDS_UPLOAD_H_
