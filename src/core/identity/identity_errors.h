// What goes wrong with log-ins, users and tokens, as errors that say what to do.
#ifndef GRPC_OS_CORE_IDENTITY_IDENTITY_ERRORS_H_
#define GRPC_OS_CORE_IDENTITY_IDENTITY_ERRORS_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "core/identity/identity.h"

namespace grpc_os::core {

// The same for every token that is not accepted, whatever is wrong with it; but for
// TokenOfOtherSystem, where it says itself that another system issued it.
absl::Status TokenInvalid();
absl::Status TokenOfOtherSystem();
// The same for a wrong name, a wrong password, a disabled user and one without a password.
absl::Status LoginFailed();
absl::Status LoginThrottled(int64_t wait_ms);
// `uid`: -1 if it is unknown: the call came another way than over the local socket.
absl::Status PeerRefused(int64_t uid);
// `cure`: what to do about it.
absl::Status PermissionMissing(const Caller& caller, const std::string& permission,
                               const std::string& cure);
// OK if the caller may do that to the thing of this name; empty: to some thing at least.
absl::Status CheckPermission(const Caller& caller, const std::string& permission,
                             std::string_view name);
absl::Status UserNotFound(const std::string& name);
absl::Status UserExists(const std::string& name);
absl::Status RoleBuiltIn(const std::string& role);
// `holder`: "the user 'ada'".
absl::Status RoleInUse(const std::string& role, const std::string& holder);
// Of a caller who would hand out what they do not have. `what`: "the role 'x' allows it".
absl::Status BeyondCaller(const Caller& caller, const Rule& rule, const std::string& what);
absl::Status SessionNotFound(const std::string& session_id);
// `what`: "be disabled".
absl::Status LastAdmin(const std::string& what);
absl::Status UserChanged(const User& user, const std::string& given);
absl::Status TooManyUsers();
absl::Status TooManyTokens(const std::string& user);
absl::Status SessionsTooFast(const std::string& user, int64_t wait_ms);

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_IDENTITY_IDENTITY_ERRORS_H_
