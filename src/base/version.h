// The version of what was built, in one object of the base: another version compiles one file.
#ifndef GRPC_OS_BASE_VERSION_H_
#define GRPC_OS_BASE_VERSION_H_

namespace grpc_os {

extern const char kVersion[];  // such as "0.1.0"

}  // namespace grpc_os

#endif  // GRPC_OS_BASE_VERSION_H_
