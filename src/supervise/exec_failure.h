// Why a payload could not be executed, in words that say what to do.
#ifndef GRPC_OS_SUPERVISE_EXEC_FAILURE_H_
#define GRPC_OS_SUPERVISE_EXEC_FAILURE_H_

#include <cstddef>
#include <string>

#include "supervise/spawn.h"

namespace grpc_os::supervise {

inline constexpr size_t kExplanationBytesMax = 1024;

// What a look at the files tells beyond the error's own words (an interpreter that is missing, line
// ends of Windows, no program of that name in PATH), and what to do; empty: nothing. It reads files
// and directories as the caller may, and blocks as long as they do, so it is for the clone that
// failed. Printable, at most kExplanationBytesMax.
std::string ExplainExecFailure(const Command& command, int error_number);

// One sentence: what failed, the system's own words, and the failure's explanation. Printable and
// bounded, for reports and logs.
std::string DescribeExecFailure(const Command& command, const SpawnFailure& failure);

}  // namespace grpc_os::supervise

#endif  // GRPC_OS_SUPERVISE_EXEC_FAILURE_H_
