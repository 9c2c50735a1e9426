// Roles, and the changes of them, in one queue with those of users.
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/identity/identity.h"
#include "core/identity/identity_errors.h"
#include "core/identity/identity_state.h"

namespace grpc_os::core {
namespace {

constexpr char kPermission[] = "role.write";

// OK if the caller may make `after` of `before`: they have all that it allows, and all that it
// denies no longer, for there are others who may have that by another role.
absl::Status CheckMayMake(const Caller& caller, const std::vector<Rule>& before,
                          const Role& after) {
  if (const auto beyond = caller.authority.Beyond(after.spec.rules); beyond) {
    return BeyondCaller(caller, *beyond,
                        absl::StrCat("the role '", after.name, "' would allow it"));
  }
  if (const auto beyond = caller.authority.Beyond(NoLongerDenied(before, after.spec.rules));
      beyond) {
    return BeyondCaller(caller, *beyond,
                        absl::StrCat("the role '", after.name, "' would no longer deny it"));
  }
  return absl::OkStatus();
}

}  // namespace

ResourceRules<Role> Identity::Impl::RoleRules() {
  return {.check = [this](const Role* before, const Role* after,
                          const Origin& origin) { return CheckRoleChange(before, after, origin); },
          .committed = [this](const Role* before,
                              const Role* after) { OnRoleCommitted(before, after); }};
}

absl::Status Identity::Impl::CheckRoleChange(const Role* before, const Role* after,
                                             const Origin& origin) {
  auto locked = state.Lock();
  const Role* role = after != nullptr ? after : before;
  const auto caller = CheckCaller(*locked, origin.record.session_id, kPermission,
                                  role != nullptr ? role->name : origin.name);
  if (!caller.ok()) return caller.status();
  if (after != nullptr)
    return CheckMayMake(*caller, before == nullptr ? std::vector<Rule>() : before->spec.rules,
                        *after);
  const std::string& name = before != nullptr ? before->name : origin.name;
  if (const std::string holder = locked->HolderOf(name, parts.clock.NowMs()); !holder.empty()) {
    const bool shown = caller->authority.AllowsAllNames("user.read", "");
    return RoleInUse(name, shown ? holder : "somebody");
  }
  // Who takes a denial away needs what it denied, and of this one nobody knows.
  if (before == nullptr) {
    if (const auto beyond = caller->authority.Beyond({{.permission = kEveryPermission}}); beyond)
      return BeyondCaller(*caller, *beyond,
                          absl::StrCat("the role '", name, "' may have denied it"));
  }
  locked->role_leaving = name;
  return absl::OkStatus();
}

void Identity::Impl::OnRoleCommitted(const Role* before, const Role* after) {
  auto locked = state.Lock();
  if (after != nullptr) {
    locked->PutRole(*after);
  } else if (before != nullptr) {
    locked->RemoveRole(before->name);
  }
}

absl::StatusOr<Role> Identity::FindRole(const std::string& name) const {
  {
    auto state = impl_->state.Lock();
    if (const Role* role = state->roles.Find(name); role != nullptr) return *role;
  }
  return impl_->roles.Find(name);  // why not
}

std::vector<Role> Identity::ListRoles() const { return impl_->state.Lock()->roles.All(); }

void Identity::CreateRole(Role wanted, Origin origin, RoleDone done) {
  if (IsBuiltInRole(wanted.name)) return done(ResourceExists(kRoleKind, wanted.name));
  impl_->roles.Create(std::move(wanted), std::move(origin), std::move(done));
}

void Identity::UpdateRole(Role wanted, const std::string& etag, Origin origin, RoleDone done) {
  if (IsBuiltInRole(wanted.name)) return done(RoleBuiltIn(wanted.name));
  impl_->roles.Update(
      wanted.name, etag,
      [spec = std::move(wanted.spec)](RoleSpec& current) {
        current = spec;
        return absl::OkStatus();
      },
      std::move(origin), std::move(done));
}

void Identity::DeleteRole(const std::string& name, const std::string& etag, Origin origin,
                          Done done) {
  if (IsBuiltInRole(name)) return done(RoleBuiltIn(name));
  impl_->roles.Delete(
      name, etag, std::move(origin),
      [impl = impl_.get(), done = std::move(done)](const absl::StatusOr<int64_t>& revision) {
        impl->state.Lock()->role_leaving.clear();
        done(revision.status());
      });
}

std::string Identity::EtagOf(const Role& role) { return IsBuiltIn(role) ? "" : core::EtagOf(role); }

}  // namespace grpc_os::core
