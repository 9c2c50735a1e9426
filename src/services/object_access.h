// Which objects a caller may read and write.
#ifndef GRPC_OS_SERVICES_OBJECT_ACCESS_H_
#define GRPC_OS_SERVICES_OBJECT_ACCESS_H_

#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

#include "core/identity/identity.h"
#include "core/object/objects.h"
#include "services/call.h"

namespace grpc_os::services {

inline core::ObjectAccess AccessOf(const core::Authority& authority) {
  return [authority](core::ObjectVerb verb, std::string_view name) {
    return authority.AllowsName(
        verb == core::ObjectVerb::kRead ? core::kObjectRead : core::kObjectWrite, name);
  };
}

// As of the log-in that the call was admitted with. Copies the caller's authority: the call may go.
inline core::ObjectAccess AccessOf(const Call& call) { return AccessOf(call.caller().authority); }

// The same, in the turn of the call.
inline core::Objects::Reader ReaderOf(Call& call) { return {AccessOf(call), call.requester()}; }

// For lists: which names after a hidden one are hidden too.
inline core::Objects::HiddenUpTo HiddenUpTo(const Call& call) {
  return [authority = call.caller().authority](std::string_view hidden) {
    return authority.ForbiddenUpTo(core::kObjectRead, hidden);
  };
}

// As of each moment at which it is asked, be that long after the call was admitted: for a change,
// which waits for its turn. Not for several threads at once.
inline core::ObjectAccess LastingAccessOf(Call& call) {
  return [&identity = call.environment().identity, session_id = call.caller().session_id,
          version = uint64_t{0},
          authority = core::Authority()](core::ObjectVerb verb, std::string_view name) mutable {
    if (auto now = identity.AuthoritySince(session_id, version); now) authority = *std::move(now);
    return authority.AllowsName(
        verb == core::ObjectVerb::kRead ? core::kObjectRead : core::kObjectWrite, name);
  };
}

// As of now: for a stream, which lives longer than its caller's roles may. Asked for anew before
// each message, it narrows as soon as they change. Nothing, if the session has ended.
inline core::Authority CurrentAuthorityOf(Call& call) {
  const auto caller = call.environment().identity.Current(call.caller().session_id);
  return caller == nullptr ? core::Authority() : caller->authority;
}

inline core::ObjectAccess CurrentAccessOf(Call& call) { return AccessOf(CurrentAuthorityOf(call)); }

}  // namespace grpc_os::services

#endif  // GRPC_OS_SERVICES_OBJECT_ACCESS_H_
