// Roles, and the changes of them, in one queue with those of users.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "core/identity/identity.h"
#include "core/identity/identity_errors.h"
#include "core/identity/identity_state.h"

namespace grpc_os::core {
namespace {

using Result = absl::StatusOr<UserWrite>;

constexpr char kPermission[] = "role.write";

Event EventOf(const Role& role, std::string action, int64_t now_ms) {
  Event event;
  event.time_ms = now_ms;
  event.kind = "role";
  event.resource_id = event.name = role.name;
  event.action = std::move(action);
  return event;
}

UserWrite Put(Role role, std::string action) {
  UserWrite result;
  result.write.put_roles = {role};
  result.write.events = {EventOf(role, std::move(action), role.update_time_ms)};
  result.role = std::move(role);
  return result;
}

std::function<void(const Result&)> ForRole(Identity::RoleDone done) {
  return [done = std::move(done)](const Result& result) {
    done(result.ok() ? absl::StatusOr<Role>(*result->role) : result.status());
  };
}

// The role to be changed, if it may be, and is the one that the caller has seen.
absl::StatusOr<const Role*> Find(const IdentityState& state, const std::string& name,
                                 const std::string& etag) {
  const Role* role = state.roles.Find(name);
  if (role == nullptr) return RoleNotFound(name);
  if (role->built_in) return RoleBuiltIn(name);
  if (!etag.empty() && etag != Identity::EtagOf(*role)) return RoleChanged(*role, etag);
  return role;
}

// OK if the caller may make `after` of `before`: they have all that it allows, and all that it
// denies no longer, for there are others who may have that by another role.
absl::Status CheckMayMake(const Caller& caller, const std::vector<Rule>& before,
                          const Role& after) {
  if (const auto beyond = caller.authority.Beyond(after.rules); beyond) {
    return BeyondCaller(caller, *beyond,
                        absl::StrCat("the role '", after.name, "' would allow it"));
  }
  if (const auto beyond = caller.authority.Beyond(NoLongerDenied(before, after.rules)); beyond) {
    return BeyondCaller(caller, *beyond,
                        absl::StrCat("the role '", after.name, "' would no longer deny it"));
  }
  return absl::OkStatus();
}

}  // namespace

std::optional<Role> Identity::FindRole(const std::string& name) const {
  auto state = impl_->state.Lock();
  const Role* role = state->roles.Find(name);
  return role == nullptr ? std::nullopt : std::optional<Role>(*role);
}

std::vector<Role> Identity::ListRoles() const { return impl_->state.Lock()->roles.All(); }

void Identity::CreateRole(Role wanted, Origin origin, RoleDone done) {
  IdentityState::Change change{.origin = std::move(origin), .done = ForRole(std::move(done))};
  change.permission = kPermission;
  change.compute = [impl = impl_.get(), wanted = std::move(wanted)](
                       const IdentityState& state, const Caller& caller) -> Result {
    if (state.roles.Find(wanted.name) != nullptr) return RoleExists(wanted.name);
    if (absl::Status status = CheckMayMake(caller, {}, wanted); !status.ok()) return status;
    if (state.roles.made() >= static_cast<size_t>(limits::kCustomRoles)) return TooManyRoles();
    const int64_t now = impl->parts.clock.NowMs();
    return Put({.name = wanted.name,
                .description = wanted.description,
                .rules = wanted.rules,
                .create_time_ms = now,
                .update_time_ms = now},
               "created");
  };
  impl_->Enqueue(std::move(change));
}

void Identity::UpdateRole(Role wanted, const std::string& etag, Origin origin, RoleDone done) {
  IdentityState::Change change{.origin = std::move(origin), .done = ForRole(std::move(done))};
  change.permission = kPermission;
  change.compute = [impl = impl_.get(), wanted = std::move(wanted), etag](
                       const IdentityState& state, const Caller& caller) -> Result {
    const auto role = Find(state, wanted.name, etag);
    if (!role.ok()) return role.status();
    if (absl::Status status = CheckMayMake(caller, (*role)->rules, wanted); !status.ok())
      return status;
    Role next = **role;
    if (next.description == wanted.description && next.rules == wanted.rules)
      return UserWrite{.changed = false, .role = std::move(next)};
    next.description = wanted.description;
    next.rules = wanted.rules;
    ++next.change_number;
    next.update_time_ms = impl->parts.clock.NowMs();
    return Put(std::move(next), "updated");
  };
  impl_->Enqueue(std::move(change));
}

void Identity::DeleteRole(const std::string& name, const std::string& etag, Origin origin,
                          Done done) {
  IdentityState::Change change{.origin = std::move(origin)};
  change.done = [done = std::move(done)](const Result& result) { done(result.status()); };
  change.permission = kPermission;
  change.compute = [impl = impl_.get(), name, etag](const IdentityState& state,
                                                    const Caller&) -> Result {
    const auto role = Find(state, name, etag);
    if (!role.ok()) return role.status();
    const int64_t now = impl->parts.clock.NowMs();
    if (const std::string holder = state.HolderOf(name, now); !holder.empty())
      return RoleInUse(name, holder);
    UserWrite result{.removed = true, .role = **role};
    result.write.remove_roles = {name};
    result.write.events = {EventOf(**role, "deleted", now)};
    return result;
  };
  impl_->Enqueue(std::move(change));
}

std::string Identity::EtagOf(const Role& role) {
  if (role.built_in) return "";
  return absl::StrCat(absl::Hex(role.create_time_ms), "-", role.change_number);
}

}  // namespace grpc_os::core
