#include "core/identity/identity_state.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "core/identity/identity_errors.h"
#include "core/store_error.h"

namespace grpc_os::core {

const User* IdentityState::FindUser(const std::string& name) const {
  const auto it = users.find(name);
  return it == users.end() ? nullptr : &it->second.user;
}

absl::Status IdentityState::CountSession(const std::string& user, int64_t now_ms) {
  const User* found = FindUser(user);
  // Who keeps users can do more harm than that.
  if (found == nullptr || roles.Together(found->roles)->AllowsAllNames("user.write", ""))
    return absl::OkStatus();
  const int64_t wait_ms = throttle.OpenSession(user, now_ms);
  return wait_ms == 0 ? absl::OkStatus() : SessionsTooFast(user, wait_ms);
}

const SessionEntry* IdentityState::FindSession(const std::string& id, int64_t now_ms) const {
  const auto it = sessions.find(id);
  if (it == sessions.end() || it->second.session.expire_time_ms <= now_ms) return nullptr;
  const User* user = FindUser(it->second.session.user);
  if (user == nullptr || user->disabled || user->epoch != it->second.session.epoch) return nullptr;
  return &it->second;
}

SessionEntry* IdentityState::FindSession(const std::string& id, int64_t now_ms) {
  return const_cast<SessionEntry*>(std::as_const(*this).FindSession(id, now_ms));
}

const SessionEntry* IdentityState::FindCaller(const std::string& id, int64_t now_ms) const {
  const SessionEntry* entry = FindSession(id, now_ms);
  return entry == nullptr || entry->ending > 0 ? nullptr : entry;
}

std::vector<std::string> IdentityState::RolesOf(const Session& session) const {
  const User* user = FindUser(session.user);
  if (user == nullptr) return {};
  return session.method == "token" ? roles.InForce(session.roles, user->roles) : user->roles;
}

Authority IdentityState::AuthorityOf(const Session& session) const {
  const User* user = FindUser(session.user);
  if (user == nullptr) return {};
  std::vector<std::shared_ptr<const RuleSet>> all = {roles.Together(user->roles)};
  if (session.method == "token") all.push_back(roles.Together(session.roles));
  return Authority(std::move(all));
}

Caller IdentityState::CallerOf(const Session& session) const {
  return {.user = session.user,
          .roles = RolesOf(session),
          .authority = AuthorityOf(session),
          .method = session.method,
          .peer_uid = session.peer_uid,
          .session_id = session.id,
          .source = session.source,
          .expire_time_ms = session.expire_time_ms,
          .version = version};
}

void IdentityState::PutUser(const User& user) {
  ++version;
  UserEntry& entry = users[user.name];
  entry.user = user;
  const std::set<SessionPlace> places_of_user = entry.sessions;
  for (const SessionPlace& place : places_of_user) {
    if (sessions.at(place.id).session.epoch != user.epoch) RemoveSession(place.id);
  }
}

void IdentityState::RemoveUser(const std::string& name) {
  const auto it = users.find(name);
  if (it == users.end()) return;
  const std::set<SessionPlace> places_of_user = it->second.sessions;
  for (const SessionPlace& place : places_of_user) RemoveSession(place.id);
  users.erase(it);
  ++version;
}

void IdentityState::PutRole(Role role) {
  ++version;
  roles.Put(std::move(role));
}

void IdentityState::RemoveRole(const std::string& name) {
  ++version;
  roles.Remove(name);
}

std::string IdentityState::HolderOf(const std::string& role, int64_t now_ms) const {
  const auto has = [&role](const std::vector<std::string>& names) {
    return std::find(names.begin(), names.end(), role) != names.end();
  };
  for (const auto& [name, entry] : users) {
    if (has(entry.user.roles)) return absl::StrCat("the user '", name, "'");
  }
  for (const auto& [id, entry] : sessions) {
    if (has(entry.session.roles) && entry.session.expire_time_ms > now_ms)
      return absl::StrCat("the token ", id, " of '", entry.session.user, "'");
  }
  return roles_arriving.contains(role) ? "a token that is being made" : "";
}

void IdentityState::AddSession(const Session& session, bool stored) {
  const auto user = users.find(session.user);
  if (user == users.end() || user->second.user.epoch != session.epoch) return;
  user->second.sessions.insert(PlaceOf(session));
  places.insert(PlaceOf(session));
  expiries.emplace(session.expire_time_ms, session.id);
  if (!session.token_digest.empty()) token_ids[session.token_digest] = session.id;
  SessionEntry& entry = sessions[session.id];
  entry.session = session;
  entry.stored = stored;
}

void IdentityState::RemoveSession(const std::string& id) {
  const auto it = sessions.find(id);
  if (it == sessions.end()) return;
  const Session& session = it->second.session;
  if (const auto user = users.find(session.user); user != users.end())
    user->second.sessions.erase(PlaceOf(session));
  places.erase(PlaceOf(session));
  expiries.erase({session.expire_time_ms, session.id});
  token_ids.erase(session.token_digest);
  sessions.erase(it);
  ++version;
}

void IdentityState::SetExpiry(SessionEntry& entry, int64_t expire_time_ms) {
  expiries.erase({entry.session.expire_time_ms, entry.session.id});
  entry.session.expire_time_ms = expire_time_ms;
  expiries.emplace(expire_time_ms, entry.session.id);
}

std::vector<std::string> IdentityState::Surplus(const std::string& user, int64_t now_ms) const {
  const auto it = users.find(user);
  if (it == users.end()) return {};
  const size_t limit = limits::kSessionsPerUser;
  if (it->second.sessions.size() < limit) return {};
  std::vector<std::pair<int64_t, std::string>> log_ins;  // the oldest first, the expired before
  for (const SessionPlace& place : it->second.sessions) {
    const Session& session = sessions.at(place.id).session;
    if (session.expire_time_ms <= now_ms) {
      log_ins.emplace_back(-1, place.id);
    } else if (session.method != "token") {
      log_ins.emplace_back(session.create_time_ms, place.id);
    }
  }
  std::sort(log_ins.begin(), log_ins.end());
  log_ins.resize(std::min(log_ins.size(), it->second.sessions.size() - limit + 1));
  std::vector<std::string> surplus;
  for (auto& [time, id] : log_ins) surplus.push_back(std::move(id));
  return surplus;
}

void IdentityState::RememberUnended(const std::string& session_id) {
  unended.push_back(session_id);
  if (unended.size() > limits::kEndsUnwritten) unended.pop_front();
}

void IdentityState::ForgetExpired(int64_t now_ms) {
  while (!expiries.empty() && expiries.begin()->first <= now_ms) {
    const std::string id = std::move(expiries.extract(expiries.begin()).value().second);
    RemoveSession(id);
  }
}

void IdentityState::RememberVerified(std::string_view token, std::shared_ptr<const Caller> caller,
                                     int64_t now_ms) {
  if (verified.size() >= static_cast<size_t>(limits::kTokensVerified)) {
    std::erase_if(verified, [&](const auto& one) {
      return one.second.version != version || one.second.caller->expire_time_ms <= now_ms;
    });
    if (verified.size() >= static_cast<size_t>(limits::kTokensVerified)) verified.clear();
  }
  verified.insert_or_assign(std::string(token), VerifiedToken{std::move(caller), version});
}

void Identity::Impl::Send() {
  for (;;) {
    std::optional<OutgoingWrite> next;
    std::vector<std::string> unended;
    {
      auto locked = state.Lock();
      if (locked->sending || locked->outgoing.empty()) return;
      locked->sending = true;
      next.emplace(std::move(locked->outgoing.front()));
      locked->outgoing.pop_front();
      unended.assign(locked->unended.begin(), locked->unended.end());
      locked->unended.clear();
      next->write.end_sessions.insert(next->write.end_sessions.end(), unended.begin(),
                                      unended.end());
    }
    parts.store.CommitIdentity(std::move(next->write), std::move(next->envelope),
                               [this, done = std::move(next->done), unended = std::move(unended)](
                                   const absl::StatusOr<int64_t>& result) {
                                 if (!result.ok() && !unended.empty()) {
                                   auto locked = state.Lock();
                                   for (const std::string& id : unended)
                                     locked->RememberUnended(id);
                                 }
                                 done(FromStore(result.status()));
                                 // What it changed is shown by now; sessions take no revision.
                                 if (result.ok() && *result > 0) users_revision.store(*result);
                               });
    state.Lock()->sending = false;
  }
}

void Identity::Impl::Enqueue(IdentityState::Change change) {
  changes.Enqueue([this, change = std::move(change)](std::function<void()> next) mutable {
    Run(std::move(change), std::move(next));
  });
}

absl::StatusOr<Caller> Identity::Impl::CheckCaller(const IdentityState& locked,
                                                   const std::string& session_id,
                                                   const std::string& permission,
                                                   std::string_view name) const {
  const SessionEntry* entry = locked.FindCaller(session_id, parts.clock.NowMs());
  if (entry == nullptr) return TokenInvalid();
  Caller caller = locked.CallerOf(entry->session);
  if (permission.empty()) return caller;
  if (auto status = CheckPermission(caller, permission, name); !status.ok()) return status;
  return caller;
}

void Identity::Impl::Run(IdentityState::Change change, std::function<void()> next) {
  absl::Status refused;
  {
    auto locked = state.Lock();
    const std::string& session_id =
        change.session_id.empty() ? change.origin.record.session_id : change.session_id;
    const absl::StatusOr<Caller> caller =
        change.asked_for ? CheckCaller(*locked, session_id, change.permission, change.origin.name)
                         : Caller();
    absl::StatusOr<UserWrite> result =
        caller.ok() ? change.compute(*locked, *caller) : absl::StatusOr<UserWrite>(caller.status());
    if (result.ok()) {
      result->write.now_ms = parts.retention_clock.NowMs();
      if (SessionEntry* kept = locked->FindSession(result->keep_session, parts.clock.NowMs())) {
        kept->next_epoch = result->user.epoch;
        result->write.put_sessions.push_back(kept->session);
        result->write.put_sessions.back().epoch = result->user.epoch;
      }
      IdentityWrite write = std::move(result->write);
      Envelope envelope =
          change.asked_for ? Envelope(change.origin, result->user.name) : Envelope::OfSystem();
      locked->outgoing.push_back({std::move(write), std::move(envelope),
                                  [this, result = *std::move(result), change = std::move(change),
                                   next](const absl::Status& status) {
                                    Finish(result, change, status);
                                    next();
                                  }});
    } else {
      refused = result.status();
    }
  }
  if (refused.ok()) return Send();
  // NOLINTNEXTLINE(bugprone-use-after-move): moved only where nothing is refused
  change.done(refused);
  next();
}

void Identity::Impl::Finish(const UserWrite& result, const IdentityState::Change& change,
                            const absl::Status& status) {
  {
    auto locked = state.Lock();
    const auto kept = locked->sessions.find(result.keep_session);
    if (kept != locked->sessions.end()) kept->second.next_epoch.reset();
    if (status.ok() && result.changed) {
      if (kept != locked->sessions.end()) kept->second.session.epoch = result.user.epoch;
      if (result.removed) {
        locked->RemoveUser(result.user.name);
      } else {
        locked->PutUser(result.user);
      }
    }
  }
  change.done(status.ok() ? absl::StatusOr<UserWrite>(result) : status);
}

}  // namespace grpc_os::core
