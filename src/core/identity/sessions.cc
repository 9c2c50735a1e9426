// Sessions and API tokens.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/id.h"
#include "base/limits.h"
#include "core/identity/identity.h"
#include "core/identity/identity_errors.h"
#include "core/identity/identity_state.h"
#include "core/identity/token_text.h"

namespace grpc_os::core {

// Under the lock.
void Identity::Impl::End(IdentityState& locked, const std::string& session_id, const Origin& origin,
                         Done done) {
  IdentityWrite write{.end_sessions = {session_id}, .now_ms = parts.retention_clock.NowMs()};
  SessionEntry& entry = locked.sessions.at(session_id);
  ++entry.ending;
  // One that is in memory alone ends there; else each such log-in and log-out would take room.
  const bool stored = entry.stored;
  write.may_use_reserve = stored;
  locked.outgoing.push_back(
      {std::move(write), Envelope(origin, session_id),
       [this, session_id, stored, done = std::move(done)](const absl::Status& status) {
         const bool ended = status.ok() || !stored;
         {
           auto again = state.Lock();
           if (ended) {
             again->RemoveSession(session_id);
           } else if (auto it = again->sessions.find(session_id); it != again->sessions.end()) {
             --it->second.ending;
           }
         }
         done(ended ? absl::OkStatus() : status);
       }});
}

void Identity::Logout(const Caller& caller, Origin origin, Done done) {
  bool ended = false;
  {
    auto state = impl_->state.Lock();
    ended = state->FindSession(caller.session_id, impl_->parts.clock.NowMs()) == nullptr;
    if (!ended) impl_->End(*state, caller.session_id, origin, std::move(done));
  }
  // NOLINTNEXTLINE(bugprone-use-after-move): moved only where it had not ended
  if (ended) return done(TokenInvalid());
  impl_->Send();
}

void Identity::EndSession(const Caller& caller, const std::string& session_id, Origin origin,
                          Done done) {
  absl::Status refused;
  {
    auto state = impl_->state.Lock();
    const int64_t now = impl_->parts.clock.NowMs();
    const SessionEntry* own = state->FindCaller(caller.session_id, now);
    const SessionEntry* entry = state->FindSession(session_id, now);
    if (entry != nullptr) {
      const Session& named = entry->session;
      origin.NoteName(session_id, named.label.empty() ? named.user : named.label);
    }
    if (own == nullptr) {
      refused = TokenInvalid();
    } else if (entry == nullptr ||
               (entry->session.user != caller.user &&
                !state->AuthorityOf(own->session).AllowsName("user.write", entry->session.user))) {
      refused = SessionNotFound(session_id);
    } else {
      impl_->End(*state, session_id, origin, std::move(done));
    }
  }
  // NOLINTNEXTLINE(bugprone-use-after-move): moved only where nothing is refused
  if (!refused.ok()) return done(refused);
  impl_->Send();
}

std::vector<Session> Identity::ListSessions(const std::string& user, const SessionPlace& after,
                                            int limit) const {
  std::vector<Session> found;
  const int64_t now = impl_->parts.clock.NowMs();
  auto state = impl_->state.Lock();
  state->ForgetExpired(impl_->parts.retention_clock.NowMs());
  const std::set<SessionPlace>* places = &state->places;
  if (!user.empty()) {
    const auto entry = state->users.find(user);
    if (entry == state->users.end()) return found;
    places = &entry->second.sessions;
  }
  for (auto it = places->upper_bound(after);
       it != places->end() && found.size() < static_cast<size_t>(limit); ++it) {
    if (const SessionEntry* one = state->FindSession(it->id, now); one != nullptr)
      found.push_back(one->session);
  }
  return found;
}

namespace {

// A token allows no more than its user's roles do, whatever its own say; a role that the user does
// not have, and that would not work, is refused all the same.
absl::Status CheckRoles(const IdentityState& state, const Caller& caller,
                        const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const Role* role = name == state.role_leaving ? nullptr : state.roles.Find(name);
    if (role == nullptr) return ResourceNotFound(kRoleKind, name);
    if (std::find(caller.roles.begin(), caller.roles.end(), name) != caller.roles.end()) continue;
    if (const auto beyond = caller.authority.Beyond(role->spec.rules); beyond)
      return BeyondCaller(caller, *beyond,
                          absl::StrCat("a token of the role '", name, "' would have it"));
  }
  return absl::OkStatus();
}

}  // namespace

void Identity::CreateToken(const Caller& caller, NewToken wanted, Origin origin,
                           std::function<void(absl::StatusOr<MadeToken>)> done) {
  if (caller.method == "token") {
    return done(PermissionMissing(caller, "session",
                                  "a token makes no tokens; log in with `login` for that"));
  }
  if (wanted.roles.empty()) wanted.roles = caller.roles;
  std::sort(wanted.roles.begin(), wanted.roles.end());
  wanted.roles.erase(std::unique(wanted.roles.begin(), wanted.roles.end()), wanted.roles.end());
  const int64_t now = impl_->parts.clock.NowMs();
  MadeToken made{.token =
                     absl::StrCat(kApiTokenPrefix, impl_->parts.signer.Instance(), RandomUrl256())};
  made.session = {.id = RandomHex128(),
                  .user = caller.user,
                  .method = "token",
                  .source = origin.record.source,
                  .token_digest = impl_->parts.digest.Sha256Hex(made.token),
                  .label = std::move(wanted.label),
                  .roles = std::move(wanted.roles),
                  .create_time_ms = now,
                  .expire_time_ms = now + wanted.ttl_ms};
  absl::Status refused;
  {
    auto state = impl_->state.Lock();
    state->ForgetExpired(impl_->parts.retention_clock.NowMs());
    const SessionEntry* own = state->FindCaller(caller.session_id, now);
    if (own == nullptr) {
      refused = TokenInvalid();
    } else if (const absl::Status roles =
                   CheckRoles(*state, state->CallerOf(own->session), made.session.roles);
               !roles.ok()) {
      refused = roles;
    } else if (state->users.at(caller.user).sessions.size() >=
               static_cast<size_t>(limits::kSessionsPerUser)) {
      refused = TooManyTokens(caller.user);
    } else if (refused = state->CountSession(caller.user, now); refused.ok()) {
      made.session.epoch = own->session.epoch;
      IdentityWrite write{.put_sessions = {made.session},
                          .now_ms = impl_->parts.retention_clock.NowMs()};
      Envelope envelope(std::move(origin), made.session.id);
      state->roles_arriving.insert(made.session.roles.begin(), made.session.roles.end());
      state->outgoing.push_back(
          {std::move(write), std::move(envelope),
           [impl = impl_.get(), made = std::move(made), done](const absl::Status& status) {
             {
               auto again = impl->state.Lock();
               for (const std::string& role : made.session.roles)
                 again->roles_arriving.extract(role);
               if (status.ok()) again->AddSession(made.session);
             }
             done(status.ok() ? absl::StatusOr<MadeToken>(made) : status);
           }});
    }
  }
  // NOLINTNEXTLINE(bugprone-use-after-move): moved only where nothing is refused
  if (!refused.ok()) return done(refused);
  impl_->Send();
}

}  // namespace grpc_os::core
