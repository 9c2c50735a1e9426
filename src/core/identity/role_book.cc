#include "core/identity/role_book.h"

#include <algorithm>
#include <utility>

namespace grpc_os::core {
namespace {

constexpr size_t kKnown = 1024;

}  // namespace

const Role* RoleBook::Find(std::string_view name) const {
  if (const auto it = made_.find(name); it != made_.end()) return &it->second;
  const auto found = std::find_if(built_in_.begin(), built_in_.end(),
                                  [name](const Role& role) { return role.name == name; });
  return found == built_in_.end() ? nullptr : &*found;
}

std::vector<Role> RoleBook::All() const {
  std::vector<Role> all = built_in_;
  for (const auto& [name, role] : made_) all.push_back(role);
  return all;
}

void RoleBook::Put(Role role) {
  known_.clear();
  std::string name = role.name;
  made_.insert_or_assign(std::move(name), std::move(role));
}

void RoleBook::Remove(std::string_view name) {
  known_.clear();
  if (const auto it = made_.find(name); it != made_.end()) made_.erase(it);
}

std::shared_ptr<const RuleSet> RoleBook::Together(const std::vector<std::string>& names) const {
  if (const auto it = known_.find(names); it != known_.end()) return it->second;
  std::vector<const Role*> roles;
  for (const std::string& name : names) {
    if (const Role* role = Find(name); role != nullptr) roles.push_back(role);
  }
  if (roles.size() < names.size()) roles.clear();
  if (known_.size() >= kKnown) known_.clear();
  return known_.emplace(names, std::make_shared<RuleSet>(roles)).first->second;
}

std::vector<std::string> RoleBook::InForce(const std::vector<std::string>& token,
                                           const std::vector<std::string>& user) const {
  std::vector<std::string> roles;
  const auto take = [&](const std::vector<std::string>& from,
                        const std::vector<std::string>& also) {
    for (const std::string& name : from) {
      const Role* role = Find(name);
      if (role == nullptr) continue;
      if (std::find(also.begin(), also.end(), name) != also.end() ||
          !Together(also)->Beyond(role->spec.rules))
        roles.push_back(name);
    }
  };
  take(token, user);
  take(user, token);
  std::sort(roles.begin(), roles.end());
  roles.erase(std::unique(roles.begin(), roles.end()), roles.end());
  return roles;
}

}  // namespace grpc_os::core
