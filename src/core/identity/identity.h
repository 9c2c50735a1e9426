// Who calls: tickets of the peer socket, sessions, and what they may do.
#ifndef GRPC_OS_CORE_IDENTITY_IDENTITY_H_
#define GRPC_OS_CORE_IDENTITY_IDENTITY_H_

#include <atomic>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/status/statusor.h"
#include "base/guarded.h"
#include "core/identity/session_store.h"
#include "core/scheduler.h"

namespace grpc_os::core {

// The port to the signing of tokens. Thread-safe.
class TokenSigner {
 public:
  virtual ~TokenSigner() = default;
  virtual std::string Sign(const std::string& claims_json) const = 0;
  // The claims; UNAUTHENTICATED if it is not one of ours, unaltered.
  virtual absl::StatusOr<std::string> Verify(std::string_view token) const = 0;
};

// Who is behind a call.
struct Caller {
  std::string user;
  std::vector<std::string> roles;
  std::string method;  // "peer"
  int64_t peer_uid = -1;
  std::string session_id;
  int64_t expire_time_ms = 0;
};

// Whether one of the caller's roles has the permission ("process.read").
bool Allows(const Caller& caller, std::string_view permission);

// Thread-safe.
class Identity {
 public:
  // The uids in `admin_uids` log in as admin through the peer socket; others are refused.
  Identity(SessionStore& sessions, const TokenSigner& signer, const Clock& clock,
           std::set<int64_t> admin_uids);

  // Takes the sessions that the store holds. Blocks; before anything else.
  absl::Status Load();

  // For the peer socket: a ticket that LoginPeer takes once within a minute. At most 1024 are open;
  // the oldest goes.
  std::string IssueTicket(int64_t uid);

  struct Login {
    std::string token;
    Caller caller;
  };
  // `done` comes on a thread of the store, or at once if the ticket is refused.
  void LoginPeer(const std::string& ticket, std::function<void(absl::StatusOr<Login>)> done);
  absl::StatusOr<Caller> Authenticate(std::string_view token);
  bool IsLive(const std::string& session_id) const;
  // From the answer on, the session is refused everywhere.
  void Logout(const std::string& session_id, std::function<void(absl::Status)> done);

 private:
  struct Ticket {
    std::string text;
    int64_t uid;
    int64_t expire_time_ms;
  };
  struct State {
    std::vector<Ticket> tickets;  // oldest first
    std::unordered_map<std::string, Session> sessions;
    std::unordered_map<std::string, std::string> verified;  // token → session id, signature checked
  };
  void ForgetExpired(State& state) const;

  SessionStore& store_;
  const TokenSigner& signer_;
  const Clock& clock_;
  const std::set<int64_t> admin_uids_;
  mutable Guarded<State> state_;
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_IDENTITY_IDENTITY_H_
