// What process.yml says of a process, as the API has it.
#ifndef GRPC_OS_SHELL_COMMANDS_MANIFEST_SPEC_H_
#define GRPC_OS_SHELL_COMMANDS_MANIFEST_SPEC_H_

#include "grpc_os/v1/process_services.pb.h"
#include "manifest/process_manifest.h"

namespace grpc_os::shell {

// All of it but the bundle. A relative working_dir is a place in the bundle: /app/….
v1::ProcessSpec SpecOf(const manifest::ProcessManifest& process);

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_COMMANDS_MANIFEST_SPEC_H_
