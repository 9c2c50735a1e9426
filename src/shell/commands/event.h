// How what a watch tells is shown.
#ifndef GRPC_OS_SHELL_COMMANDS_EVENT_H_
#define GRPC_OS_SHELL_COMMANDS_EVENT_H_

#include <cstdint>

#include "absl/status/status.h"
#include "grpc_os/v1/event_services.pb.h"
#include "shell/session.h"

namespace grpc_os::shell {

// On a line of its own, as the session's format wants it.
void ShowEvent(Session& session, const v1::Event& event);

// REVISION_UNAVAILABLE: what comes next is no longer kept, and the watch begins anew.
bool IsGap(const absl::Status& status);
// What followed before is no longer to be relied upon: what there is comes next, up to ShowSynced.
// For programs `{"gap": …}`, with the revision `reached`.
void ShowGap(Session& session, const absl::Status& status, int64_t reached);
// All that there is was shown, as of this revision; changes follow. For programs
// `{"synced": …}`; people are told `after_gap` only.
void ShowSynced(Session& session, int64_t revision, bool after_gap);

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_COMMANDS_EVENT_H_
