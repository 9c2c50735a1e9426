// Who calls and what they may do: users, roles, sessions, tokens.
#ifndef GRPC_OS_CORE_IDENTITY_IDENTITY_H_
#define GRPC_OS_CORE_IDENTITY_IDENTITY_H_

#include <climits>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/limits.h"
#include "core/change/envelope.h"
#include "core/digest.h"
#include "core/identity/identity_ports.h"
#include "core/identity/roles.h"
#include "core/identity/user.h"
#include "core/resource/resource_store.h"
#include "core/scheduler.h"

namespace grpc_os::core {

// Who is behind a call. Immutable.
struct Caller {
  std::string user = {};
  std::vector<std::string> roles = {};  // in force: a token's only as far as the user has them too
  Authority authority = {};             // what they allow, when this caller was asked for
  std::string method = {};              // "peer", "password" or "token"
  int64_t peer_uid = -1;
  std::string session_id = {};
  std::string source = {};     // where the session was opened from
  int64_t expire_time_ms = 0;  // of the token of this call
  uint64_t version = 0;        // of all that authority rests on, for Identity::CheckAllowed
};

inline bool Allows(const Caller& caller, std::string_view permission) {
  return caller.authority.Allows(permission);
}

// Of a log-in: how long an access token serves, and a session by password unused and in all.
struct SessionLifetimes {
  int64_t access_token_ms = limits::kAccessTokenMs;
  int64_t session_idle_ms = limits::kRefreshIdleMs;
  int64_t session_ms = limits::kSessionMs;
};

// Thread-safe. What changes is committed first and holds, for every call, before it is answered:
// `done` comes once, on some thread, never under a lock. Errors: see AuthService.
//
// Changes of users and roles are made one after the other; each sees the one before it. Nobody
// hands out more than they have: what a role allows, when it is made, changed or granted; what it
// denies, when it is revoked or no longer denied; what an account's roles allow, whatever is
// denied, when its password is set or it is enabled.
class Identity {
 public:
  struct Parts {
    IdentityStore& store;
    ResourceStore& resources;  // of roles
    const TokenSigner& signer;
    PasswordHasher& hasher;
    const Digest& digest;
    const Clock& clock;
    std::set<int64_t> admin_uids;  // log in as kAdminUser over the local socket
    // By which sessions that have expired are forgotten (RetentionClock).
    const Clock& retention_clock;
    std::vector<Permission> permissions;  // that there are: of the built-in roles
    SessionLifetimes lifetimes = {};
    int64_t password_bytes_min = limits::kPasswordBytesMin;  // of one to be set
  };
  explicit Identity(Parts parts);
  ~Identity();

  // Takes what the store holds. Blocks; before anything else.
  // `revision`: the store's newest.
  absl::Status Load(int64_t revision = 0);
  // Whether kAdminUser is there; if not, it is to be made before anyone is served, with this
  // password hash (empty: no password). Blocks.
  bool HasAdmin() const;
  absl::Status MakeAdmin(const std::string& password_hash);

  int64_t password_bytes_min() const;

  // ---- Log-in

  struct Login {
    std::string access_token;
    Caller caller;
    std::string refresh_token;  // empty after a log-in by peer
    int64_t refresh_expire_time_ms = 0;
  };
  using LoginDone = std::function<void(absl::StatusOr<Login>)>;
  // The origin's record, whose source is the session's, gets its user and session. `peer_uid`: of
  // the program at the other end of the local socket, as the kernel tells it; -1: the call came
  // another way, and is no log-in by peer.
  void LoginPeer(int64_t peer_uid, Origin origin, LoginDone done);
  void LoginPassword(const std::string& user, std::string password, int64_t peer_uid, Origin origin,
                     LoginDone done);
  void Refresh(std::string_view refresh_token, Origin origin, LoginDone done);

  // ---- Each call

  // Of an access token or an API token. Checked anew on every call, in memory.
  absl::StatusOr<std::shared_ptr<const Caller>> Authenticate(std::string_view token);
  // The caller of this session with the roles of now; nullptr: it has ended. For open streams.
  std::shared_ptr<const Caller> Current(const std::string& session_id) const;
  // What this session may do now, if that may be another thing than it was at `version`, which is
  // then that of now (0: never asked before). In a session that has ended nothing may be done.
  std::optional<Authority> AuthoritySince(const std::string& session_id, uint64_t& version) const;

  // Whether this session may (still) do what `permission` names, to the thing of this name (empty:
  // to some at least): TOKEN_INVALID, PERMISSION_MISSING. `version`: as of which it was known to,
  // for every name; 0: not known. Then that of now, if so. Quick, above all where nothing has
  // changed since.
  absl::Status CheckAllowed(const std::string& session_id, const std::string& permission,
                            std::string_view name, uint64_t& version) const;

  // ---- Sessions and tokens

  using Done = std::function<void(absl::Status)>;
  void Logout(const Caller& caller, Origin origin, Done done);
  void EndSession(const Caller& caller, const std::string& session_id, Origin origin, Done done);
  // Of `user`, or of all (empty), in the order of their places, those after `after`, at most
  // `limit`.
  std::vector<Session> ListSessions(const std::string& user, const SessionPlace& after = {},
                                    int limit = INT_MAX) const;
  struct NewToken {
    std::string label;
    int64_t ttl_ms = 0;
    std::vector<std::string> roles;  // empty: all of the caller's
  };
  struct MadeToken {
    std::string token = {};
    Session session = {};
  };
  void CreateToken(const Caller& caller, NewToken wanted, Origin origin,
                   std::function<void(absl::StatusOr<MadeToken>)> done);

  // ---- Users

  using UserDone = std::function<void(absl::StatusOr<User>)>;
  std::optional<User> FindUser(const std::string& name) const;
  // Everything that was changed of users and roles up to this revision of the store is in what
  // ListUsers and ListRoles show. `newest`: the store's newest, read just now.
  int64_t UsersRevision(int64_t newest) const;
  // In the order of names, those after `after_name`, at most `limit`.
  std::vector<User> ListUsers(const std::string& after_name, int limit) const;
  // `password` empty: none.
  void CreateUser(const std::string& name, std::vector<std::string> roles, std::string password,
                  Origin origin, UserDone done);
  void DeleteUser(const std::string& name, const std::string& etag, Origin origin, Done done);
  void SetDisabled(const std::string& name, const std::string& etag, bool disabled, Origin origin,
                   UserDone done);
  // `name` empty: the caller's own.
  void SetPassword(const Caller& caller, const std::string& name, std::string password,
                   std::string old_password, Origin origin, UserDone done);
  void GrantRole(const std::string& name, const std::string& role, const std::string& etag,
                 Origin origin, UserDone done);
  void RevokeRole(const std::string& name, const std::string& role, const std::string& etag,
                  Origin origin, UserDone done);

  static std::string EtagOf(const User& user);

  // ---- Roles

  using RoleDone = std::function<void(absl::StatusOr<Role>)>;
  // NOT_FOUND; DATA_LOSS: what is stored of it cannot be read, and so allows nothing.
  absl::StatusOr<Role> FindRole(const std::string& name) const;
  // The built-in ones, then the others, each in the order of their names.
  std::vector<Role> ListRoles() const;
  // Name and spec; they are checked before (user_grammar.h).
  void CreateRole(Role wanted, Origin origin, RoleDone done);
  void UpdateRole(Role wanted, const std::string& etag, Origin origin, RoleDone done);
  void DeleteRole(const std::string& name, const std::string& etag, Origin origin, Done done);

  // Empty if it is built in.
  static std::string EtagOf(const Role& role);

  class Impl;  // identity_state.h

 private:
  const std::unique_ptr<Impl> impl_;
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_IDENTITY_IDENTITY_H_
