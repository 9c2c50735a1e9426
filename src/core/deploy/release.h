// The command that is run once before a deploy takes effect.
#ifndef GRPC_OS_CORE_DEPLOY_RELEASE_H_
#define GRPC_OS_CORE_DEPLOY_RELEASE_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "core/process/process.h"
#include "core/scheduler.h"
#include "core/task/tasks.h"

namespace grpc_os::core {

// Runs it as a task: account, environment and directory are those of the process as it is to be.
// `done` comes once, on the core's thread; an error says how it failed, with its last lines.
void RunRelease(Tasks& tasks, const Process& process, const std::string& command,
                std::function<void(absl::Status)> done);

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_DEPLOY_RELEASE_H_
