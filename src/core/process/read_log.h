// A log as it is now, from the first line asked for to its end.
#ifndef GRPC_OS_CORE_PROCESS_READ_LOG_H_
#define GRPC_OS_CORE_PROCESS_READ_LOG_H_

#include <functional>

#include "core/process/process_ports.h"

namespace grpc_os::core {

// Without `follow`. As LogSource::Start, but asks for each next batch itself.
void ReadLog(LogSource& source, LogSource::Options options,
             std::function<void(const LogLines&)> on_lines,
             std::function<void(const absl::Status&)> on_end);

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_PROCESS_READ_LOG_H_
