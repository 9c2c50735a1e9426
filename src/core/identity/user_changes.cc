// Users, and the changes of them: one after the other, each computed from the one before it.
#include <algorithm>
#include <functional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/id.h"
#include "base/limits.h"
#include "core/identity/identity.h"
#include "core/identity/identity_errors.h"
#include "core/identity/identity_state.h"
#include "core/identity/secret.h"

namespace grpc_os::core {
namespace {

using Result = absl::StatusOr<UserWrite>;

Event EventOf(const User& user, std::string action, std::string change) {
  Event event;
  event.time_ms = user.update_time_ms;
  event.kind = "user";
  event.resource_id = event.name = user.name;
  event.action = std::move(action);
  if (!change.empty()) event.attributes["change"] = std::move(change);
  return event;
}

// `user` as it will be. `change`: "role", "password", …
UserWrite Updated(User user, int64_t now_ms, std::string change) {
  ++user.change_number;
  user.update_time_ms = now_ms;
  UserWrite result;
  result.write.put_users = {user};
  result.write.events = {EventOf(user, "updated", std::move(change))};
  result.user = std::move(user);
  return result;
}

// The answer to a change of a user.
std::function<void(const Result&)> ForUser(Identity::UserDone done) {
  return [done = std::move(done)](const Result& result) {
    done(result.ok() ? absl::StatusOr<User>(result->user) : result.status());
  };
}

// OK if the caller may hand out the role. What the role itself denies goes with it.
absl::Status CheckMayGrant(const Caller& caller, const Role& role) {
  const auto beyond = caller.authority.Beyond(role.spec.rules);
  if (!beyond) return absl::OkStatus();
  return BeyondCaller(caller, *beyond, absl::StrCat("the role '", role.name, "' allows it"));
}

// Nobody frees themselves, or others, of what they are denied too.
absl::Status CheckMayRevoke(const Caller& caller, const Role& role) {
  const auto beyond = caller.authority.Beyond(Denied(role.spec.rules));
  if (!beyond) return absl::OkStatus();
  return BeyondCaller(caller, *beyond, absl::StrCat("the role '", role.name, "' denies it"));
}

// Who sets a user's password can be that user, now and once a denial is lifted: so what the user is
// denied does not count.
absl::Status CheckMayBecome(const Caller& caller, const User& user, const RoleBook& roles) {
  std::vector<Rule> rules;
  for (const std::string& name : user.roles) {
    if (const Role* role = roles.Find(name); role != nullptr)
      rules.insert(rules.end(), role->spec.rules.begin(), role->spec.rules.end());
  }
  const auto beyond = caller.authority.Beyond(Allowed(rules));
  if (!beyond) return absl::OkStatus();
  return BeyondCaller(caller, *beyond, absl::StrCat("a role of '", user.name, "' allows it"));
}

// Nothing to do, but that it was asked for.
UserWrite Unchanged(const User& user) { return {.user = user, .changed = false}; }

// The user to be changed, if it is the one that the caller has seen.
absl::StatusOr<const User*> Find(const IdentityState& state, const std::string& name,
                                 const std::string& etag) {
  const User* user = state.FindUser(name);
  if (user == nullptr) return UserNotFound(name);
  if (!etag.empty() && etag != Identity::EtagOf(*user)) return UserChanged(*user, etag);
  return user;
}

}  // namespace

std::optional<User> Identity::FindUser(const std::string& name) const {
  auto state = impl_->state.Lock();
  const User* user = state->FindUser(name);
  return user == nullptr ? std::nullopt : std::optional<User>(*user);
}

std::vector<User> Identity::ListUsers(const std::string& after_name, int limit) const {
  std::vector<User> found;
  auto state = impl_->state.Lock();
  for (auto it = state->users.upper_bound(after_name);
       it != state->users.end() && static_cast<int>(found.size()) < limit; ++it)
    found.push_back(it->second.user);
  return found;
}

void Identity::CreateUser(const std::string& name, std::vector<std::string> roles,
                          std::string password, Origin origin, UserDone done) {
  std::sort(roles.begin(), roles.end());
  roles.erase(std::unique(roles.begin(), roles.end()), roles.end());
  // Before a password is hashed for nothing.
  if (FindUser(name)) return done(UserExists(name));
  for (const std::string& role : roles)
    if (const auto found = FindRole(role); !found.ok()) return done(found.status());
  IdentityState::Change change{.origin = std::move(origin), .done = ForUser(std::move(done))};
  const auto create = [impl = impl_.get(), name, roles](IdentityState::Change made,
                                                        const std::string& hash) {
    made.compute = [impl, name, roles, hash](const IdentityState& state,
                                             const Caller& caller) -> Result {
      if (state.FindUser(name) != nullptr) return UserExists(name);
      for (const std::string& one : roles) {
        const Role* role = state.roles.Find(one);
        if (role == nullptr) return ResourceNotFound(kRoleKind, one);
        if (absl::Status status = CheckMayGrant(caller, *role); !status.ok()) return status;
      }
      if (state.users.size() >= static_cast<size_t>(limits::kUsers)) return TooManyUsers();
      const int64_t now = impl->parts.clock.NowMs();
      UserWrite result;
      result.user = {.name = name,
                     .roles = roles,
                     .password_hash = hash,
                     .epoch = RandomHex128(),
                     .create_time_ms = now,
                     .update_time_ms = now};
      result.write.put_users = {result.user};
      result.write.events = {EventOf(result.user, "created", "")};
      return result;
    };
    impl->Enqueue(std::move(made));
  };
  if (password.empty()) return create(std::move(change), "");
  const Secret secret(std::move(password));
  impl_->parts.hasher.Hash(secret.text(), [change = std::move(change), create](
                                              const absl::StatusOr<std::string>& hash) mutable {
    if (!hash.ok()) return change.done(hash.status());
    create(std::move(change), *hash);
  });
}

void Identity::DeleteUser(const std::string& name, const std::string& etag, Origin origin,
                          Done done) {
  IdentityState::Change change{.origin = std::move(origin)};
  change.done = [done = std::move(done)](const Result& result) { done(result.status()); };
  change.compute = [impl = impl_.get(), name, etag](const IdentityState& state,
                                                    const Caller&) -> Result {
    const auto user = Find(state, name, etag);
    if (!user.ok()) return user.status();
    if (name == kAdminUser) return LastAdmin("be removed");
    UserWrite result{.user = **user, .removed = true};
    result.write.remove_users = {name};
    result.write.may_use_reserve = true;
    User last = **user;
    last.update_time_ms = impl->parts.clock.NowMs();
    result.write.events = {EventOf(last, "deleted", "")};
    return result;
  };
  impl_->Enqueue(std::move(change));
}

void Identity::SetDisabled(const std::string& name, const std::string& etag, bool disabled,
                           Origin origin, UserDone done) {
  IdentityState::Change change{.origin = std::move(origin), .done = ForUser(std::move(done))};
  change.compute = [impl = impl_.get(), name, etag, disabled](const IdentityState& state,
                                                              const Caller& caller) -> Result {
    const auto user = Find(state, name, etag);
    if (!user.ok()) return user.status();
    if (disabled && name == kAdminUser) return LastAdmin("be disabled");
    if ((*user)->disabled == disabled) return Unchanged(**user);
    // It hands out all that the user had.
    if (!disabled) {
      if (absl::Status status = CheckMayBecome(caller, **user, state.roles); !status.ok())
        return status;
    }
    User next = **user;
    next.disabled = disabled;
    if (disabled) next.epoch = RandomHex128();
    UserWrite result =
        Updated(std::move(next), impl->parts.clock.NowMs(), disabled ? "disabled" : "enabled");
    result.write.may_use_reserve = disabled;
    return result;
  };
  impl_->Enqueue(std::move(change));
}

void Identity::GrantRole(const std::string& name, const std::string& role, const std::string& etag,
                         Origin origin, UserDone done) {
  IdentityState::Change change{.origin = std::move(origin), .done = ForUser(std::move(done))};
  change.compute = [impl = impl_.get(), name, role, etag](const IdentityState& state,
                                                          const Caller& caller) -> Result {
    const auto user = Find(state, name, etag);
    if (!user.ok()) return user.status();
    const Role* found = state.roles.Find(role);
    if (found == nullptr) return ResourceNotFound(kRoleKind, role);
    if (absl::Status status = CheckMayGrant(caller, *found); !status.ok()) return status;
    // It may deny things, now or later.
    if (name == kAdminUser && !IsBuiltIn(*found))
      return LastAdmin("have other roles than the built-in ones");
    User next = **user;
    const auto place = std::lower_bound(next.roles.begin(), next.roles.end(), role);
    if (place != next.roles.end() && *place == role) return Unchanged(**user);
    next.roles.insert(place, role);
    return Updated(std::move(next), impl->parts.clock.NowMs(), "role_granted");
  };
  impl_->Enqueue(std::move(change));
}

void Identity::RevokeRole(const std::string& name, const std::string& role, const std::string& etag,
                          Origin origin, UserDone done) {
  IdentityState::Change change{.origin = std::move(origin), .done = ForUser(std::move(done))};
  change.compute = [impl = impl_.get(), name, role, etag](const IdentityState& state,
                                                          const Caller& caller) -> Result {
    const auto user = Find(state, name, etag);
    if (!user.ok()) return user.status();
    const Role* found = state.roles.Find(role);
    const bool has = std::binary_search((*user)->roles.begin(), (*user)->roles.end(), role);
    if (found == nullptr && !has) return ResourceNotFound(kRoleKind, role);
    // What cannot be read may have denied anything.
    Role unknown;
    unknown.name = role;
    unknown.spec.rules = {{Effect::kDeny, kEveryPermission, ""}};
    if (absl::Status status = CheckMayRevoke(caller, found == nullptr ? unknown : *found);
        !status.ok())
      return status;
    if (name == kAdminUser && role == "admin") return LastAdmin("lose the role admin");
    User next = **user;
    if (std::erase(next.roles, role) == 0) return Unchanged(**user);
    return Updated(std::move(next), impl->parts.clock.NowMs(), "role_revoked");
  };
  impl_->Enqueue(std::move(change));
}

namespace {

// A password on its way to being set.
struct NewPassword {
  Caller caller = {};
  std::string name = {};
  std::string epoch = {};  // of the user whose old password was checked; empty: none was
  std::shared_ptr<const Secret> password = {};
  std::string source = {};  // of the throttle
  Origin origin = {};
  Identity::UserDone done = {};
};

// A token of few rights must not open its owner's account.
absl::Status CheckTokenMaySet(const Caller& caller, bool own) {
  if (!own || caller.method != "token" || caller.authority.AllowsName("user.write", caller.user))
    return absl::OkStatus();
  return PermissionMissing(caller, "user.write",
                           "a token cannot set its owner's password; log in with `login`");
}

// In the queue: what was true before the hashing must be so still. `caller`: as of now.
Result SetTo(const IdentityState& state, const Caller& caller, const NewPassword& wanted,
             const std::string& hash, int64_t now_ms) {
  const User* user = state.FindUser(wanted.name);
  if (user == nullptr) return UserNotFound(wanted.name);
  const bool own = wanted.name == wanted.caller.user;
  if (!own) {
    if (auto status = CheckPermission(caller, "user.write", wanted.name); !status.ok())
      return status;
  }
  if (absl::Status status = CheckTokenMaySet(caller, own); !status.ok()) return status;
  // A token is not its owner: it may have been given less.
  if (!own || caller.method == "token") {
    if (absl::Status status = CheckMayBecome(caller, *user, state.roles); !status.ok())
      return status;
  }
  if (!wanted.epoch.empty() && wanted.epoch != user->epoch) return LoginFailed();
  User next = *user;
  next.password_hash = hash;
  next.epoch = RandomHex128();
  UserWrite result = Updated(std::move(next), now_ms, "password");
  if (own) result.keep_session = wanted.caller.session_id;
  return result;
}

void HashAndSet(Identity::Impl& impl, NewPassword wanted) {
  const auto secret = wanted.password;
  impl.parts.hasher.Hash(secret->text(), [&impl, wanted = std::move(wanted)](
                                             absl::StatusOr<std::string> hash) mutable {
    if (!hash.ok()) return wanted.done(hash.status());
    IdentityState::Change change{.origin = wanted.origin, .done = ForUser(wanted.done)};
    change.permission = "";  // one's own needs none: SetTo
    change.session_id = wanted.caller.session_id;
    change.compute = [&impl, wanted = std::move(wanted), hash = *std::move(hash)](
                         const IdentityState& state, const Caller& caller) {
      return SetTo(state, caller, wanted, hash, impl.parts.clock.NowMs());
    };
    impl.Enqueue(std::move(change));
  });
}

void OnOldPassword(Identity::Impl& impl, NewPassword wanted,
                   const absl::StatusOr<PasswordHasher::Verdict>& verdict) {
  const int64_t now = impl.parts.clock.NowMs();
  {
    auto state = impl.state.Lock();
    if (!verdict.ok()) {
      state->throttle.Withdrawn(wanted.name, wanted.source, now);
    } else if (verdict->matches) {
      state->throttle.Succeeded(wanted.name, wanted.source, now);
    }
  }
  if (!verdict.ok()) return wanted.done(verdict.status());
  if (!verdict->matches) return wanted.done(LoginFailed());
  HashAndSet(impl, std::move(wanted));
}

}  // namespace

void Identity::SetPassword(const Caller& caller, const std::string& name, std::string password,
                           std::string old_password, Origin origin, UserDone done) {
  NewPassword wanted{
      .caller = caller,
      .name = name.empty() ? caller.user : name,
      .password = std::make_shared<Secret>(std::move(password)),
      // NOLINTNEXTLINE(bugprone-use-after-move): members are initialised in their order
      .source = Throttle::SourceOf(origin.record.source),
      .origin = std::move(origin),
      .done = std::move(done)};
  const auto old = std::make_shared<Secret>(std::move(old_password));
  const bool own = wanted.name == caller.user;
  if (!own && !caller.authority.AllowsName("user.write", wanted.name)) {
    return wanted.done(PermissionMissing(
        caller, "user.write", "one may set one's own password; ask an admin for others'"));
  }
  if (absl::Status status = CheckTokenMaySet(caller, own); !status.ok()) return wanted.done(status);
  std::string hash;
  int64_t wait_ms = 0;
  absl::Status refused;
  const bool ask = own && caller.method == "password";
  {
    const int64_t now = impl_->parts.clock.NowMs();
    auto state = impl_->state.Lock();
    const User* user = state->FindUser(wanted.name);
    if (user == nullptr) {
      wait_ms = -1;
    } else if (refused = own ? state->CountSession(wanted.name, now) : absl::OkStatus();
               refused.ok() && ask) {
      wait_ms = state->throttle.WaitMs(wanted.name, wanted.source, now);
      if (wait_ms == 0) state->throttle.Began(wanted.name, wanted.source, now);
      hash = user->password_hash;
      wanted.epoch = user->epoch;
    }
  }
  if (!refused.ok()) return wanted.done(refused);
  if (wait_ms < 0) return wanted.done(UserNotFound(wanted.name));
  if (wait_ms > 0) return wanted.done(LoginThrottled(wait_ms));
  if (!ask) return HashAndSet(*impl_, std::move(wanted));
  impl_->parts.hasher.Verify(old->text(), hash, PasswordHasher::Lane::kKnown,
                             [impl = impl_.get(), wanted = std::move(wanted)](
                                 const absl::StatusOr<PasswordHasher::Verdict>& verdict) mutable {
                               OnOldPassword(*impl, std::move(wanted), verdict);
                             });
}

}  // namespace grpc_os::core
