// Users, and how they are kept.
#ifndef GRPC_OS_CORE_IDENTITY_USER_H_
#define GRPC_OS_CORE_IDENTITY_USER_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/change/envelope.h"
#include "core/event/event.h"
#include "core/identity/roles.h"

namespace grpc_os::core {

// The account behind a log-in by peer credentials. It is always there, enabled and an admin: who
// owns the data directory can do anything in any case.
inline constexpr char kAdminUser[] = "admin";

struct User {
  std::string name = {};
  std::vector<std::string> roles = {};  // sorted; core/identity/role_book.h
  std::string password_hash = {};       // a PHC string; empty: no password
  bool disabled = false;
  // Random; made anew whenever the user's sessions are to end: a session of another epoch has
  // ended.
  std::string epoch = {};
  int64_t change_number = 1;
  int64_t create_time_ms = 0;
  int64_t update_time_ms = 0;

  bool operator==(const User&) const = default;
};

// A log-in that has not ended, or an API token.
struct Session {
  std::string id = {};      // 32 hexadecimal digits
  std::string user = {};    // a name
  std::string method = {};  // "peer", "password" or "token"
  int64_t peer_uid = -1;
  std::string source = {};              // "uid 1000" or an address
  std::string epoch = {};               // the user's when it was opened
  int64_t refresh_number = 0;           // "password": how often it was refreshed
  std::string token_digest = {};        // "token": SHA-256 of the token
  std::string label = {};               // "token"
  std::vector<std::string> roles = {};  // "token": what it may use of the user's
  int64_t create_time_ms = 0;
  int64_t expire_time_ms = 0;

  bool operator==(const Session&) const = default;
};

// Where a session stands among all: the newest first, those of one moment by their ids.
struct SessionPlace {
  int64_t create_time_ms = INT64_MAX;
  std::string id = {};

  bool operator==(const SessionPlace&) const = default;
  bool operator<(const SessionPlace& other) const {
    if (create_time_ms != other.create_time_ms) return create_time_ms > other.create_time_ms;
    return id < other.id;
  }
};
inline SessionPlace PlaceOf(const Session& session) { return {session.create_time_ms, session.id}; }

// One transaction: all of it becomes durable, or nothing does.
struct IdentityWrite {
  std::vector<User> put_users = {};  // inserted or replaced by name
  std::vector<std::string> remove_users = {};
  std::vector<Session> put_sessions = {};  // inserted or replaced by id
  std::vector<std::string> end_sessions = {};
  std::vector<Event> events = {};  // if there are any, it takes a revision
  int64_t now_ms = 0;              // sessions that have expired by then are forgotten
  bool may_use_reserve = false;    // as in ProcessWrite: it ends sessions
};

// The port to where users and sessions are kept. Thread-safe.
class IdentityStore {
 public:
  virtual ~IdentityStore() = default;
  // `done` comes on the store's writer thread once it is durable, with the revision or 0.
  // UNAUTHENTICATED or PERMISSION_DENIED: the envelope is not permitted (any more);
  // RESOURCE_EXHAUSTED: the queue is full; UNAVAILABLE: storage fails.
  virtual void CommitIdentity(IdentityWrite write, Envelope envelope,
                              std::function<void(absl::StatusOr<int64_t>)> done) = 0;
  // Everything there is, at the start of the daemon; sessions without the expired ones. Block.
  virtual absl::StatusOr<std::vector<User>> LoadUsers() = 0;
  virtual absl::StatusOr<std::vector<Session>> LoadSessions(int64_t now_ms) = 0;
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_IDENTITY_USER_H_
