// Named places where a test can kill the program.
#ifndef GRPC_OS_BASE_FAILPOINT_H_
#define GRPC_OS_BASE_FAILPOINT_H_

namespace grpc_os {

// Does nothing unless the environment variable GRPC_OS_FAILPOINT_DIR was set when the program
// started. If it was, and a file of this name is in that directory, renames it to `<name>.hit` (the
// test's proof that the place was reached) and kills the program with SIGKILL. Thread-safe. `name`
// has the form "program.place", as in "osd.create.committed".
void Failpoint(const char* name);

}  // namespace grpc_os

#endif  // GRPC_OS_BASE_FAILPOINT_H_
