#include "core/identity/identity.h"

#include <algorithm>
#include <future>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/id.h"
#include "base/limits.h"
#include "core/identity/identity_errors.h"
#include "core/identity/identity_state.h"
#include "core/identity/token_text.h"

namespace grpc_os::core {
namespace {

// A token of the future was made before the clock was set back by more than this.
constexpr int64_t kClockSlackS = 60;

}  // namespace

Identity::Identity(Parts parts) : impl_(std::make_unique<Impl>(std::move(parts))) {}

Identity::~Identity() = default;

absl::Status Identity::Load(int64_t revision) {
  auto users = impl_->parts.store.LoadUsers();
  if (!users.ok()) return users.status();
  if (absl::Status status = impl_->roles.Load(revision); !status.ok()) return status;
  const std::vector<Role> roles = impl_->roles.List("", std::numeric_limits<int>::max());
  auto sessions = impl_->parts.store.LoadSessions(impl_->parts.retention_clock.NowMs());
  if (!sessions.ok()) return sessions.status();
  auto state = impl_->state.Lock();
  impl_->users_revision.store(revision);
  for (const Role& role : roles) state->PutRole(role);
  for (const User& user : *users) state->PutUser(user);
  for (const Session& session : *sessions) state->AddSession(session);
  std::sort(sessions->begin(), sessions->end(),
            [](const Session& a, const Session& b) { return a.create_time_ms > b.create_time_ms; });
  for (const Session& session : *sessions) {
    if (session.method == "password")
      state->throttle.Knew(session.user, Throttle::SourceOf(session.source),
                           session.create_time_ms);
  }
  return absl::OkStatus();
}

bool Identity::HasAdmin() const { return FindUser(kAdminUser).has_value(); }

int64_t Identity::password_bytes_min() const { return impl_->parts.password_bytes_min; }

absl::Status Identity::MakeAdmin(const std::string& password_hash) {
  const int64_t now = impl_->parts.clock.NowMs();
  User admin{.name = kAdminUser,
             .roles = {"admin"},
             .password_hash = password_hash,
             .epoch = RandomHex128(),
             .create_time_ms = now,
             .update_time_ms = now};
  IdentityWrite write{.put_users = {admin}, .now_ms = now};
  Event event;
  event.time_ms = now;
  event.kind = "user";
  event.resource_id = event.name = admin.name;
  event.action = "created";
  write.events.push_back(std::move(event));
  Origin origin;
  origin.record.time_ms = now;
  origin.record.source = "start";
  origin.record.method = "first start";
  origin.record.resource = admin.name;
  // Shared: the store's thread is still inside set_value when this one wakes.
  const auto made = std::make_shared<std::promise<absl::StatusOr<int64_t>>>();
  impl_->parts.store.CommitIdentity(
      std::move(write), Envelope(std::move(origin)),
      [made](const absl::StatusOr<int64_t>& revision) { made->set_value(revision); });
  const absl::StatusOr<int64_t> revision = made->get_future().get();
  if (!revision.ok()) return revision.status();
  impl_->state.Lock()->PutUser(admin);
  impl_->users_revision.store(*revision);
  return absl::OkStatus();
}

int64_t Identity::UsersRevision(int64_t newest) const {
  if (!impl_->changes.busy()) return newest;
  return std::max(impl_->users_revision.load(), impl_->roles.Revision(newest));
}

absl::StatusOr<std::shared_ptr<const Caller>> Identity::Authenticate(std::string_view token) {
  if (static_cast<int64_t>(token.size()) > limits::kTokenBytes) return TokenInvalid();
  const int64_t now = impl_->parts.clock.NowMs();
  {
    auto state = impl_->state.Lock();
    if (const auto it = state->verified.find(token); it != state->verified.end()) {
      VerifiedToken& known = it->second;
      const bool in_time = known.caller->expire_time_ms > now;
      if (in_time && known.version == state->version) return known.caller;
      const SessionEntry* entry =
          in_time ? state->FindSession(known.caller->session_id, now) : nullptr;
      if (entry == nullptr) {
        state->verified.erase(it);
        return TokenInvalid();
      }
      auto caller = std::make_shared<Caller>(*known.caller);
      caller->roles = state->RolesOf(entry->session);
      caller->authority = state->AuthorityOf(entry->session);
      caller->version = state->version;
      known = {std::move(caller), state->version};
      return known.caller;
    }
  }
  // For the first time, or again after it was forgotten: without the lock.
  const bool opaque = token.rfind(kApiTokenPrefix, 0) == 0;
  Claims claims;
  std::string digest;
  if (opaque) {
    digest = impl_->parts.digest.Sha256Hex(token);
  } else {
    auto verified = impl_->parts.signer.Verify(token);
    if (absl::IsFailedPrecondition(verified.status())) return TokenOfOtherSystem();
    if (!verified.ok() || verified->use != Claims::Use::kAccess) return TokenInvalid();
    claims = *std::move(verified);
    if (claims.expire_time_s * 1000 <= now || claims.issue_time_s > now / 1000 + kClockSlackS)
      return TokenInvalid();
  }
  auto state = impl_->state.Lock();
  if (opaque) {
    const auto id = state->token_ids.find(digest);
    if (id == state->token_ids.end()) {
      const std::string_view named = InstanceInApiToken(token);
      const bool ours = named.empty() || named == impl_->parts.signer.Instance();
      return ours ? TokenInvalid() : TokenOfOtherSystem();
    }
    claims.session_id = id->second;
  }
  const SessionEntry* entry = state->FindSession(claims.session_id, now);
  if (entry == nullptr || (!opaque && entry->session.user != claims.user)) return TokenInvalid();
  auto caller = std::make_shared<Caller>(state->CallerOf(entry->session));
  if (!opaque)
    caller->expire_time_ms = std::min(caller->expire_time_ms, claims.expire_time_s * 1000);
  state->RememberVerified(token, caller, now);
  return caller;
}

std::shared_ptr<const Caller> Identity::Current(const std::string& session_id) const {
  auto state = impl_->state.Lock();
  const SessionEntry* entry = state->FindSession(session_id, impl_->parts.clock.NowMs());
  return entry == nullptr ? nullptr : std::make_shared<Caller>(state->CallerOf(entry->session));
}

std::optional<Authority> Identity::AuthoritySince(const std::string& session_id,
                                                  uint64_t& version) const {
  auto state = impl_->state.Lock();
  if (version == state->version) return std::nullopt;
  version = state->version;
  const SessionEntry* entry = state->FindSession(session_id, impl_->parts.clock.NowMs());
  return entry == nullptr ? Authority() : state->AuthorityOf(entry->session);
}

absl::Status Identity::CheckAllowed(const std::string& session_id, const std::string& permission,
                                    std::string_view name, uint64_t& version) const {
  auto state = impl_->state.Lock();
  const SessionEntry* entry = state->FindSession(session_id, impl_->parts.clock.NowMs());
  if (entry == nullptr) return TokenInvalid();
  if (version != 0 && version == state->version) return absl::OkStatus();
  const Caller caller = state->CallerOf(entry->session);
  if (auto status = CheckPermission(caller, permission, name); !status.ok()) return status;
  if (caller.authority.AllowsAllNames(permission, "")) version = state->version;
  return absl::OkStatus();
}

std::string Identity::EtagOf(const User& user) {
  return absl::StrCat(absl::Hex(user.create_time_ms), "-", user.change_number);
}

}  // namespace grpc_os::core
