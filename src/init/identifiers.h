// The grammar of what another program names to init, which is root and makes paths and command
// lines of it.
#ifndef GRPC_OS_INIT_IDENTIFIERS_H_
#define GRPC_OS_INIT_IDENTIFIERS_H_

#include <string_view>

namespace grpc_os::init {

// 32 hexadecimal digits, in lower case.
bool IsInstanceId(std::string_view text);
// "proc_" and 1 to 32 of a-z 0-9.
bool IsProcessId(std::string_view text);
// A letter or digit, then up to 62 letters, digits, '.', '_', '-'.
bool IsProcessName(std::string_view text);

}  // namespace grpc_os::init

#endif  // GRPC_OS_INIT_IDENTIFIERS_H_
