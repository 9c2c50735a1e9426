// Where the user stands.
#ifndef GRPC_OS_SHELL_CURRENT_DIRECTORY_H_
#define GRPC_OS_SHELL_CURRENT_DIRECTORY_H_

#include <string>

namespace grpc_os::shell {

// The current directory by the name that the user gave it: $PWD where that is absolute, without "."
// and "..", and names the same directory (POSIX, pwd -L), so that a symbolic link such as "current"
// is followed anew at each start of a process; else the system's. Empty: it was removed.
std::string CurrentDirectory();

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_CURRENT_DIRECTORY_H_
