// What core::Identity remembers. Private to it.
#ifndef GRPC_OS_CORE_IDENTITY_IDENTITY_STATE_H_
#define GRPC_OS_CORE_IDENTITY_IDENTITY_STATE_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/guarded.h"
#include "core/change/change_queue.h"
#include "core/identity/identity.h"
#include "core/identity/role_book.h"
#include "core/identity/throttle.h"
#include "core/resource/catalogue.h"

namespace grpc_os::core {

struct UserEntry {
  User user;
  std::set<SessionPlace> sessions;
};

struct SessionEntry {
  Session session;
  int ending = 0;      // transactions under way that end it: it is not refreshed any more
  bool stored = true;  // false: a log-in by peer while the store could not write; ends with us
  // Of the transaction under way that keeps it over a new epoch of its user.
  std::optional<std::string> next_epoch;
};

// A token that was found to be ours.
struct VerifiedToken {
  std::shared_ptr<const Caller> caller;
  uint64_t version = 0;  // of the state that `caller` is of
};

struct TextHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};

// A transaction on its way to the store.
struct OutgoingWrite {
  IdentityWrite write;
  Envelope envelope;
  std::function<void(absl::Status)> done;
};

// What a change of a user turns out to be, computed from the state before it.
struct UserWrite {
  IdentityWrite write = {};
  User user = {};                 // as it will be, or was
  bool changed = true;            // else there is only who asked for it
  bool removed = false;           // the user
  std::string keep_session = {};  // goes over to the new epoch
};

// As the store has it; what is on its way there is not in it yet.
struct IdentityState {
  std::map<std::string, UserEntry> users;
  RoleBook roles;
  std::unordered_map<std::string, SessionEntry> sessions;
  std::set<SessionPlace> places;                           // of them all
  std::set<std::pair<int64_t, std::string>> expiries;      // of them all: when, and the id
  std::unordered_map<std::string, std::string> token_ids;  // digest of an API token → session
  Throttle throttle;

  std::unordered_map<std::string, VerifiedToken, TextHash, std::equal_to<>> verified;
  uint64_t version = 1;  // raised by whatever may change who a token stands for

  // In the order in which they were computed, which is the order in which the store gets them.
  std::deque<OutgoingWrite> outgoing;
  bool sending = false;
  // Sessions that have ended here while the store still has them, because it failed: each write
  // takes them along until one succeeds.
  std::deque<std::string> unended;

  struct Change {
    // `caller`: who asked for it, as of now; nobody, if nobody did.
    std::function<absl::StatusOr<UserWrite>(const IdentityState&, const Caller& caller)> compute =
        {};
    Origin origin = {};
    std::function<void(const absl::StatusOr<UserWrite>&)> done = {};
    // What the caller needs when the change is made, beside a session that lives.
    std::string permission = "user.write";
    std::string session_id = {};  // the caller's, where it is not taken from the record
    bool asked_for = true;        // false: nobody did
  };
  // Of the tokens whose making is under way, which is no change of the queue.
  std::multiset<std::string> roles_arriving;
  std::string role_leaving;  // its removal is under way

  const User* FindUser(const std::string& name) const;
  // OK: the user may open one more session, or renew one (Throttle::OpenSession).
  absl::Status CountSession(const std::string& user, int64_t now_ms);
  // nullptr: there is no such session, or it has ended.
  SessionEntry* FindSession(const std::string& id, int64_t now_ms);
  const SessionEntry* FindSession(const std::string& id, int64_t now_ms) const;
  // As FindSession; nullptr too if its end is on its way.
  const SessionEntry* FindCaller(const std::string& id, int64_t now_ms) const;
  std::vector<std::string> RolesOf(const Session& session) const;
  Authority AuthorityOf(const Session& session) const;
  Caller CallerOf(const Session& session) const;

  void PutUser(const User& user);  // its sessions of another epoch are forgotten
  void RemoveUser(const std::string& name);
  void PutRole(Role role);
  void RemoveRole(const std::string& name);
  // A user or token that has the role, for people; empty: there is none.
  std::string HolderOf(const std::string& role, int64_t now_ms) const;
  void AddSession(const Session& session, bool stored = true);
  void RemoveSession(const std::string& id);
  void SetExpiry(SessionEntry& entry, int64_t expire_time_ms);
  // The sessions that have to end before the user may open another.
  std::vector<std::string> Surplus(const std::string& user, int64_t now_ms) const;
  // The oldest goes for one too many.
  void RememberUnended(const std::string& session_id);
  // Looks at what has expired only.
  void ForgetExpired(int64_t now_ms);
  void RememberVerified(std::string_view token, std::shared_ptr<const Caller> caller,
                        int64_t now_ms);
};

class Identity::Impl {
 public:
  explicit Impl(Parts parts_in)
      : parts(std::move(parts_in)),
        roles({.kind = kRoleKind,
               .store = parts.resources,
               .clock = parts.clock,
               .changes = changes,
               .rules = RoleRules()}) {
    state.Lock()->roles = RoleBook(BuiltInRoles(parts.permissions));
  }

  const Parts parts;
  Guarded<IdentityState> state;
  std::atomic<int64_t> users_revision{0};
  ChangeQueue changes;  // of users and roles, one after the other
  Catalogue<Role> roles;

  // Hands what is outgoing to the store. Without the lock.
  void Send();
  // Puts the change into the queue of changes, and works it off.
  void Enqueue(IdentityState::Change change);
  // With the lock held: what they say is outgoing then.
  void Advance(IdentityState& locked, SessionEntry& entry, Origin origin, LoginDone done);
  void EndReused(IdentityState& locked, const Session& session, Origin origin, LoginDone done);
  void End(IdentityState& locked, const std::string& session_id, const Origin& origin, Done done);

 private:
  void Run(IdentityState::Change change, std::function<void()> next);
  // Who asks, who may have changed since the call came, if they may make such a change now.
  // `name`: of what it is about.
  absl::StatusOr<Caller> CheckCaller(const IdentityState& locked, const std::string& session_id,
                                     const std::string& permission, std::string_view name) const;
  void Finish(const UserWrite& result, const IdentityState::Change& change,
              const absl::Status& status);
  ResourceRules<Role> RoleRules();
  absl::Status CheckRoleChange(const Role* before, const Role* after, const Origin& origin);
  void OnRoleCommitted(const Role* before, const Role* after);
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_IDENTITY_IDENTITY_STATE_H_
