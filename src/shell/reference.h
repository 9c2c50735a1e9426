// All that the command table says, as the reference part of docs/SHELL.md and of grpc-os(1).
#ifndef GRPC_OS_SHELL_REFERENCE_H_
#define GRPC_OS_SHELL_REFERENCE_H_

#include <string>

namespace grpc_os::shell {

enum class ReferenceFormat { kMarkdown, kMan };

std::string Reference(ReferenceFormat format);

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_REFERENCE_H_
