// Waiting for a deploy that goes on by itself.
#ifndef GRPC_OS_SHELL_COMMANDS_FOLLOW_DEPLOY_H_
#define GRPC_OS_SHELL_COMMANDS_FOLLOW_DEPLOY_H_

#include <functional>

#include "absl/status/statusor.h"
#include "grpc_os/v1/deploy_services.pb.h"
#include "shell/session.h"

namespace grpc_os::shell {

// Makes the call, which begins a deploy, again while the daemon is away for a moment.
absl::StatusOr<v1::Revision> BeginDeploy(
    Session& session, const std::string& process,
    const std::function<absl::StatusOr<v1::Revision>(client::Client&)>& call);

// Shows each step of the deploy until it has ended, over restarts of the daemon too, and how: to
// people what there is to know of the process now. The revision as it is then. Errors:
// FAILED_PRECONDITION, in several lines, it failed; those of the calls. Who interrupts, or whose
// time is over, is told that it goes on.
absl::StatusOr<v1::Revision> FollowDeploy(Session& session, v1::Revision revision);

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_COMMANDS_FOLLOW_DEPLOY_H_
