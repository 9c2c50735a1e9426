// Log-in: by peer, by password, by refresh token.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/error_detail.h"
#include "base/id.h"
#include "base/limits.h"
#include "core/error_reason.h"
#include "core/identity/identity.h"
#include "core/identity/identity_errors.h"
#include "core/identity/identity_state.h"
#include "core/identity/secret.h"

namespace grpc_os::core {
namespace {

// The tokens for a session as it is now.
Identity::Login TokensFor(const Session& session, Caller caller, const Identity::Parts& parts,
                          int64_t now_ms) {
  Identity::Login login;
  const int64_t expire_s =
      std::min(now_ms + parts.lifetimes.access_token_ms, session.expire_time_ms) / 1000;
  caller.expire_time_ms = expire_s * 1000;
  login.access_token = parts.signer.Sign({.use = Claims::Use::kAccess,
                                          .user = session.user,
                                          .session_id = session.id,
                                          .issue_time_s = now_ms / 1000,
                                          .expire_time_s = expire_s});
  if (session.method == "password") {
    login.refresh_expire_time_ms = session.expire_time_ms / 1000 * 1000;
    login.refresh_token = parts.signer.Sign({.use = Claims::Use::kRefresh,
                                             .user = session.user,
                                             .session_id = session.id,
                                             .refresh_number = session.refresh_number,
                                             .issue_time_s = now_ms / 1000,
                                             .expire_time_s = session.expire_time_ms / 1000});
  }
  login.caller = std::move(caller);
  return login;
}

// Who is at the machine has to get in to stop what fills the disk, without taking of the room that
// is kept for that: where the store cannot write, a log-in by peer is in memory alone.
bool MayStayInMemory(const Session& session, const absl::Status& status) {
  if (session.method != "peer") return false;
  const auto detail = DetailOf(status);
  return detail.has_value() &&
         (detail->reason == reason::kDiskFull || detail->reason == reason::kStoreUnavailable);
}

// Under the lock: the session is on its way to the store, with those that have to end for it.
void Open(Identity::Impl& impl, IdentityState& state, const Session& session, Origin origin,
          const absl::Status& gone, Identity::LoginDone done) {
  const int64_t now = session.create_time_ms;
  origin.record.user = session.user;
  origin.record.session_id = session.id;
  IdentityWrite write{.put_sessions = {session}, .now_ms = impl.parts.retention_clock.NowMs()};
  write.end_sessions = state.Surplus(session.user, write.now_ms);
  for (const std::string& id : write.end_sessions) ++state.sessions.at(id).ending;
  Envelope envelope(origin, session.id);
  auto surplus = write.end_sessions;
  state.outgoing.push_back(
      {std::move(write), std::move(envelope),
       [&impl, session, surplus = std::move(surplus), origin = std::move(origin), gone,
        done = std::move(done), now](const absl::Status& status) {
         const bool in_memory = MayStayInMemory(session, status);
         Caller caller;
         bool alive = false;
         {
           auto locked = impl.state.Lock();
           for (const std::string& id : surplus) {
             if (status.ok()) {
               locked->RemoveSession(id);
             } else if (in_memory) {
               locked->RemoveSession(id);
               locked->RememberUnended(id);
             } else if (auto it = locked->sessions.find(id); it != locked->sessions.end()) {
               --it->second.ending;
             }
           }
           if (status.ok() || in_memory) locked->AddSession(session, status.ok());
           // Its user may have been disabled or removed meanwhile.
           alive = locked->FindSession(session.id, now) != nullptr;
           if (alive) caller = locked->CallerOf(session);
         }
         if (!status.ok() && !in_memory) return done(status);
         if (!alive) return done(gone);
         if (in_memory) {
           // The audit hears of it from the call, once the store writes again.
           origin.findings->Lock()->user = session.user;
         }
         done(TokensFor(session, std::move(caller), impl.parts, now));
       }});
}

}  // namespace

void Identity::LoginPeer(int64_t peer_uid, Origin origin, LoginDone done) {
  if (!impl_->parts.admin_uids.contains(peer_uid)) return done(PeerRefused(peer_uid));
  const int64_t now = impl_->parts.clock.NowMs();
  absl::Status refused;
  {
    auto state = impl_->state.Lock();
    state->ForgetExpired(impl_->parts.retention_clock.NowMs());
    const User* admin = state->FindUser(kAdminUser);
    if (admin == nullptr) {
      refused = PeerRefused(peer_uid);
    } else {
      const Session session{.id = RandomHex128(),
                            .user = kAdminUser,
                            .method = "peer",
                            .peer_uid = peer_uid,
                            .source = origin.record.source,
                            .epoch = admin->epoch,
                            .create_time_ms = now,
                            .expire_time_ms = now + impl_->parts.lifetimes.access_token_ms};
      Open(*impl_, *state, session, std::move(origin), PeerRefused(peer_uid), std::move(done));
    }
  }
  // NOLINTNEXTLINE(bugprone-use-after-move): moved only where nothing is refused
  if (!refused.ok()) return done(refused);
  impl_->Send();
}

namespace {

// One try of a password.
struct Try {
  std::string user = {};
  std::string epoch = {};  // of the user when the try began
  std::shared_ptr<const Secret> password = {};
  std::string source = {};  // of the throttle
  int64_t peer_uid = -1;
  Origin origin = {};
  Identity::LoginDone done = {};
};

// The same password with the work that is the rule now. Nothing depends on its success.
void HashAgain(Identity::Impl& impl, const std::string& name, const std::string& old_hash,
               const Secret& password) {
  impl.parts.hasher.Hash(password.text(), [&impl, name,
                                           old_hash](const absl::StatusOr<std::string>& hash) {
    if (!hash.ok()) return;
    IdentityState::Change change;
    change.compute = [name, old_hash, hash = *hash](const IdentityState& state,
                                                    const Caller&) -> absl::StatusOr<UserWrite> {
      const User* user = state.FindUser(name);
      if (user == nullptr || user->password_hash != old_hash)
        return absl::CancelledError("the password was set meanwhile");
      UserWrite result{.user = *user};
      result.user.password_hash = hash;
      result.write.put_users = {result.user};
      return result;
    };
    change.asked_for = false;
    change.done = [](const absl::StatusOr<UserWrite>&) {};
    impl.Enqueue(std::move(change));
  });
}

void OnVerdict(Identity::Impl& impl, Try attempt, const std::string& hash,
               absl::StatusOr<PasswordHasher::Verdict> verdict) {
  const int64_t now = impl.parts.clock.NowMs();
  absl::Status refused;
  {
    auto state = impl.state.Lock();
    if (!verdict.ok()) {
      state->throttle.Withdrawn(attempt.user, attempt.source, now);
      refused = verdict.status();
    } else {
      const User* user = state->FindUser(attempt.user);
      if (!verdict->matches || user == nullptr || user->disabled || user->epoch != attempt.epoch) {
        refused = LoginFailed();
      } else if (refused = state->CountSession(user->name, now); !refused.ok()) {
        state->throttle.Withdrawn(attempt.user, attempt.source, now);
      } else {
        state->throttle.Succeeded(attempt.user, attempt.source, now);
        const SessionLifetimes& lifetimes = impl.parts.lifetimes;
        const Session session{
            .id = RandomHex128(),
            .user = user->name,
            .method = "password",
            .peer_uid = attempt.peer_uid,
            .source = attempt.origin.record.source,
            .epoch = user->epoch,
            .create_time_ms = now,
            .expire_time_ms = now + std::min(lifetimes.session_idle_ms, lifetimes.session_ms)};
        Open(impl, *state, session, std::move(attempt.origin), LoginFailed(),
             std::move(attempt.done));
      }
    }
  }
  if (!refused.ok()) return attempt.done(refused);
  impl.Send();
  if (verdict->outdated) HashAgain(impl, attempt.user, hash, *attempt.password);
}

}  // namespace

void Identity::LoginPassword(const std::string& user, std::string password, int64_t peer_uid,
                             Origin origin, LoginDone done) {
  const int64_t now = impl_->parts.clock.NowMs();
  Try attempt{.user = user,
              .password = std::make_shared<Secret>(std::move(password)),
              .source = Throttle::SourceOf(origin.record.source),
              .peer_uid = peer_uid,
              .origin = std::move(origin),
              .done = std::move(done)};
  std::string hash;
  int64_t wait_ms = 0;
  bool known = impl_->parts.admin_uids.contains(peer_uid);
  {
    auto state = impl_->state.Lock();
    state->ForgetExpired(impl_->parts.retention_clock.NowMs());
    if (state->FindUser(user) != nullptr) attempt.origin.findings->Lock()->user = user;
    wait_ms = state->throttle.WaitMs(user, attempt.source, now);
    known = known || state->throttle.Knows(user, attempt.source, now);
    if (wait_ms == 0) {
      state->throttle.Began(user, attempt.source, now);
      if (const User* found = state->FindUser(user); found != nullptr && !found->disabled) {
        hash = found->password_hash;
        attempt.epoch = found->epoch;
      }
    }
  }
  if (wait_ms > 0) return attempt.done(LoginThrottled(wait_ms));
  const auto secret = attempt.password;
  const auto lane = known ? PasswordHasher::Lane::kKnown : PasswordHasher::Lane::kStrangers;
  impl_->parts.hasher.Verify(secret->text(), hash, lane,
                             [impl = impl_.get(), attempt = std::move(attempt),
                              hash](absl::StatusOr<PasswordHasher::Verdict> verdict) mutable {
                               OnVerdict(*impl, std::move(attempt), hash, std::move(verdict));
                             });
}

void Identity::Refresh(std::string_view refresh_token, Origin origin, LoginDone done) {
  const int64_t now = impl_->parts.clock.NowMs();
  if (static_cast<int64_t>(refresh_token.size()) > limits::kTokenBytes) return done(TokenInvalid());
  const auto claims = impl_->parts.signer.Verify(refresh_token);
  if (absl::IsFailedPrecondition(claims.status())) return done(TokenOfOtherSystem());
  if (!claims.ok() || claims->use != Claims::Use::kRefresh || claims->expire_time_s * 1000 <= now)
    return done(TokenInvalid());
  absl::Status refused;
  {
    auto state = impl_->state.Lock();
    SessionEntry* entry = state->FindSession(claims->session_id, now);
    if (entry == nullptr || entry->ending > 0 || entry->session.user != claims->user ||
        entry->session.method != "password" ||
        claims->refresh_number > entry->session.refresh_number) {
      refused = TokenInvalid();
    } else if (claims->refresh_number < entry->session.refresh_number) {
      impl_->EndReused(*state, entry->session, std::move(origin), std::move(done));
    } else if (refused = state->CountSession(claims->user, now); refused.ok()) {
      impl_->Advance(*state, *entry, std::move(origin), std::move(done));
    }
  }
  // NOLINTNEXTLINE(bugprone-use-after-move): moved only where nothing is refused
  if (!refused.ok()) return done(refused);
  impl_->Send();
}

// A genuine refresh token of the past: somebody else had it, or has it. Whatever the store says,
// nobody goes on with this session. If it fails, the next write takes the end along; a restart
// before any succeeds brings the session back, with its newest refresh token alone.
void Identity::Impl::EndReused(IdentityState& locked, const Session& session, Origin origin,
                               LoginDone done) {
  origin.record.user = session.user;
  origin.record.session_id = session.id;
  origin.record.result = "UNAUTHENTICATED";
  origin.record.reason = reason::kTokenInvalid;
  IdentityWrite write{.end_sessions = {session.id}, .now_ms = parts.retention_clock.NowMs()};
  write.may_use_reserve = true;
  Envelope envelope(origin, session.id);
  locked.outgoing.push_back({std::move(write), std::move(envelope),
                             [this, id = session.id, origin = std::move(origin),
                              done = std::move(done)](const absl::Status& status) {
                               if (status.ok()) {
                                 origin.findings->Lock()->told = true;
                               } else {
                                 state.Lock()->RememberUnended(id);
                               }
                               done(TokenInvalid());
                             }});
  locked.RemoveSession(std::string(session.id));
}

// The old number is spent at once, so that of two calls with one token only one gets on.
void Identity::Impl::Advance(IdentityState& locked, SessionEntry& entry, Origin origin,
                             LoginDone done) {
  const int64_t now = parts.clock.NowMs();
  Session session = entry.session;
  session.refresh_number = ++entry.session.refresh_number;
  // A clock that is behind for a moment makes none end sooner.
  session.expire_time_ms = std::max(session.expire_time_ms,
                                    std::min(now + parts.lifetimes.session_idle_ms,
                                             session.create_time_ms + parts.lifetimes.session_ms));
  origin.record.user = session.user;
  origin.record.session_id = session.id;
  IdentityWrite write{.put_sessions = {session}, .now_ms = parts.retention_clock.NowMs()};
  write.put_sessions[0].epoch = entry.next_epoch.value_or(session.epoch);
  locked.outgoing.push_back(
      {std::move(write), Envelope(std::move(origin), session.id),
       [this, session, done = std::move(done), now](const absl::Status& status) {
         Caller caller;
         bool alive = false;
         {
           auto again = state.Lock();
           if (SessionEntry* kept = again->FindSession(session.id, now); kept != nullptr) {
             if (status.ok()) {
               again->SetExpiry(*kept, session.expire_time_ms);
               caller = again->CallerOf(kept->session);
               alive = true;
             } else if (kept->session.refresh_number == session.refresh_number) {
               --kept->session.refresh_number;
             }
           }
         }
         if (!status.ok()) return done(status);
         if (!alive) return done(TokenInvalid());
         done(TokensFor(session, std::move(caller), parts, now));
       }});
}

}  // namespace grpc_os::core
