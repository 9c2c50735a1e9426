// Why a payload could not be executed, in words that say what to do.
#ifndef GRPC_OS_SUPERVISE_EXEC_FAILURE_H_
#define GRPC_OS_SUPERVISE_EXEC_FAILURE_H_

#include <string>

#include "supervise/spawn.h"

namespace grpc_os::supervise {

// One sentence: what failed, the system's own words, and where a look at the files tells more than
// those (an interpreter that is missing, line ends of Windows, no program of that name in PATH),
// what is there and what to do. As far as the supervisor may read them.
std::string DescribeExecFailure(const Command& command, const SpawnFailure& failure);

}  // namespace grpc_os::supervise

#endif  // GRPC_OS_SUPERVISE_EXEC_FAILURE_H_
