// The code that only the start of a program needed.
#ifndef GRPC_OS_HOST_STARTUP_CODE_H_
#define GRPC_OS_HOST_STARTUP_CODE_H_

namespace grpc_os::host {

// Takes the pages of the program's code and its libraries' out of the process. What is executed
// again comes back from the kernel's page cache, 64 KiB at a time: so what stays resident is what
// runs, and not what ran once (descriptors of messages, tables of libraries). Nothing that was
// written is touched. Where it cannot be done, nothing happens.
void ForgetStartupCode();

}  // namespace grpc_os::host

#endif  // GRPC_OS_HOST_STARTUP_CODE_H_
