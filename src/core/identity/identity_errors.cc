#include "core/identity/identity_errors.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/error_detail.h"
#include "base/limits.h"
#include "core/error_reason.h"

namespace grpc_os::core {

using absl::StatusCode;
using absl::StrCat;

absl::Status TokenInvalid() {
  return MakeError(StatusCode::kUnauthenticated,
                   "the token is not valid (any more); log in again with `login`",
                   {.reason = reason::kTokenInvalid});
}

absl::Status TokenOfOtherSystem() {
  return MakeError(StatusCode::kUnauthenticated,
                   "the token was issued by another system, or before the key of this one was "
                   "changed; log in to this one with `login`",
                   {.reason = reason::kTokenOfOtherSystem});
}

absl::Status LoginFailed() {
  return MakeError(StatusCode::kUnauthenticated,
                   "the name or the password is wrong, or this user cannot log in; try again, or "
                   "ask an admin to look with `user ls`",
                   {.reason = reason::kLoginFailed});
}

absl::Status LoginThrottled(int64_t wait_ms) {
  return MakeError(StatusCode::kResourceExhausted,
                   StrCat("too many wrong passwords for this user or from this source; try again "
                          "in ",
                          (wait_ms + 999) / 1000, " s"),
                   {.reason = reason::kLoginThrottled,
                    .metadata = {{"wait_ms", StrCat(wait_ms)}},
                    .retry_after_ms = wait_ms});
}

absl::Status PeerRefused(int64_t uid) {
  if (uid < 0) {
    return MakeError(StatusCode::kPermissionDenied,
                     "without a password one logs in over the local socket alone, where the kernel "
                     "names the account that calls; use `login NAME`, or connect to "
                     "unix:DATA_DIR/run/api.sock",
                     {.reason = reason::kPermissionMissing});
  }
  return MakeError(
      StatusCode::kPermissionDenied,
      StrCat("uid ", uid,
             " may not log in here without a password; use `login NAME`, become root (sudo), or "
             "the account that runs gRPC OS"),
      {.reason = reason::kPermissionMissing, .metadata = {{"uid", StrCat(uid)}}});
}

absl::Status PermissionMissing(const Caller& caller, const std::string& permission,
                               const std::string& cure) {
  return MakeError(StatusCode::kPermissionDenied,
                   StrCat("'", caller.user, "' lacks the permission ", permission, "; ", cure),
                   {.reason = reason::kPermissionMissing,
                    .metadata = {{"permission", permission}, {"user", caller.user}}});
}

absl::Status CheckPermission(const Caller& caller, const std::string& permission,
                             std::string_view name) {
  if (!Allows(caller, permission))
    return PermissionMissing(caller, permission, "ask an admin for it");
  if (name.empty() || caller.authority.AllowsName(permission, name)) return absl::OkStatus();
  return MakeError(
      StatusCode::kPermissionDenied,
      StrCat("'", caller.user, "' has the permission ", permission, ", but not for '",
             absl::CHexEscape(std::string(name)), "'; ask an admin for it"),
      {.reason = reason::kPermissionMissing,
       .metadata = {
           {"permission", permission}, {"user", caller.user}, {"name", std::string(name)}}});
}

absl::Status UserNotFound(const std::string& name) {
  return MakeError(StatusCode::kNotFound,
                   StrCat("there is no user '", name, "'; `user ls` lists all"),
                   {.reason = reason::kUserNotFound, .metadata = {{"user", name}}});
}

absl::Status UserExists(const std::string& name) {
  return MakeError(StatusCode::kAlreadyExists,
                   StrCat("there is a user '", name, "' already; change it, or take another name"),
                   {.reason = reason::kUserExists, .metadata = {{"user", name}}});
}

absl::Status RoleBuiltIn(const std::string& role) {
  return MakeError(StatusCode::kFailedPrecondition,
                   StrCat("the role '", role,
                          "' is built in: it neither changes nor goes; make one of your own with "
                          "`role create`"),
                   {.reason = reason::kRoleBuiltIn, .metadata = {{"role", role}}});
}

absl::Status RoleInUse(const std::string& role, const std::string& holder) {
  return MakeError(StatusCode::kFailedPrecondition,
                   StrCat("the role '", role, "' cannot be deleted while ", holder,
                          " has it; take it from all first (`role revoke`, `token rm`)"),
                   {.reason = reason::kRoleInUse, .metadata = {{"role", role}, {"user", holder}}});
}

absl::Status BeyondCaller(const Caller& caller, const Rule& rule, const std::string& what) {
  const std::string where = rule.prefix.empty() ? "" : StrCat(" on ", rule.prefix);
  return MakeError(StatusCode::kPermissionDenied,
                   StrCat("'", caller.user, "' lacks the permission ", rule.permission, where,
                          ", and ", what, "; nobody hands out more than they have: ask an admin"),
                   {.reason = reason::kPermissionMissing,
                    .metadata = {{"permission", rule.permission}, {"user", caller.user}}});
}

absl::Status SessionNotFound(const std::string& session_id) {
  return MakeError(StatusCode::kNotFound,
                   StrCat("no session or token has the id '", session_id,
                          "', or it has ended; `sessions` lists those there are"),
                   {.reason = reason::kSessionNotFound, .metadata = {{"session", session_id}}});
}

absl::Status LastAdmin(const std::string& what) {
  return MakeError(StatusCode::kFailedPrecondition,
                   StrCat("'", kAdminUser, "' cannot ", what,
                          ": local log-in needs it, and there is always one admin; make another "
                          "user for daily work instead"),
                   {.reason = reason::kLastAdmin, .metadata = {{"user", kAdminUser}}});
}

absl::Status UserChanged(const User& user, const std::string& given) {
  const std::string actual = Identity::EtagOf(user);
  return MakeError(
      StatusCode::kAborted,
      StrCat("'", user.name, "' changed meanwhile (its etag is ", actual, ", not ", given,
             "); read it and try again"),
      {.reason = reason::kEtagMismatch, .metadata = {{"user", user.name}, {"etag", actual}}});
}

absl::Status TooManyUsers() {
  return MakeError(StatusCode::kResourceExhausted,
                   StrCat("there are ", limits::kUsers, " users, the limit; remove some"),
                   {.reason = reason::kLimitReached,
                    .metadata = {{"limit", "users"}, {"value", StrCat(limits::kUsers)}}});
}

absl::Status TooManyTokens(const std::string& user) {
  return MakeError(
      StatusCode::kResourceExhausted,
      StrCat("'", user, "' has ", limits::kSessionsPerUser,
             " sessions and tokens, the limit; end some (`sessions` lists them)"),
      {.reason = reason::kLimitReached,
       .metadata = {{"limit", "sessions_per_user"}, {"value", StrCat(limits::kSessionsPerUser)}}});
}

absl::Status SessionsTooFast(const std::string& user, int64_t wait_ms) {
  return MakeError(StatusCode::kResourceExhausted,
                   StrCat("'", user, "' opens sessions too fast: ", limits::kSessionsAtOnce,
                          " at once, then one each ", limits::kSessionEachMs / 1000,
                          " s; try again in ", (wait_ms + 999) / 1000,
                          " s, and keep a session or a token (`token create`) for many calls"),
                   {.reason = reason::kLimitReached,
                    .metadata = {{"limit", "sessions_at_once"},
                                 {"user", user},
                                 {"value", StrCat(limits::kSessionsAtOnce)}},
                    .retry_after_ms = wait_ms});
}

}  // namespace grpc_os::core
