// How an event is shown.
#ifndef GRPC_OS_SHELL_COMMANDS_EVENT_H_
#define GRPC_OS_SHELL_COMMANDS_EVENT_H_

#include "grpc_os/v1/event_services.pb.h"
#include "shell/session.h"

namespace grpc_os::shell {

// On a line of its own, as the session's format wants it.
void ShowEvent(Session& session, const v1::Event& event);

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_COMMANDS_EVENT_H_
