// Named mistakes that a test can have the program make, to see that its checks would find them.
#ifndef GRPC_OS_BASE_DEFECT_H_
#define GRPC_OS_BASE_DEFECT_H_

namespace grpc_os {

// False, always, unless the environment variable GRPC_OS_FAILPOINT_DIR was set when the program
// started (failpoint.h). If it was: whether a file of this name is in that directory, by now.
// Thread-safe. `name` has the form "defect.what".
bool Defect(const char* name);

}  // namespace grpc_os

#endif  // GRPC_OS_BASE_DEFECT_H_
