// The roles that there are: those built in, and those that were made.
#ifndef GRPC_OS_CORE_IDENTITY_ROLE_BOOK_H_
#define GRPC_OS_CORE_IDENTITY_ROLE_BOOK_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/identity/roles.h"

namespace grpc_os::core {

// Not thread-safe.
class RoleBook {
 public:
  explicit RoleBook(std::vector<Role> built_in = {}) : built_in_(std::move(built_in)) {}

  // nullptr: there is no such role.
  const Role* Find(std::string_view name) const;
  // The built-in ones, then the others, each in the order of their names.
  std::vector<Role> All() const;
  size_t made() const { return made_.size(); }

  // Not a built-in one. Inserts or replaces by name.
  void Put(Role role);
  void Remove(std::string_view name);

  // What the roles of these names allow together. If there is no such role, nothing: what it would
  // deny is not known.
  std::shared_ptr<const RuleSet> Together(const std::vector<std::string>& names) const;
  // For people: those of a token's roles and its user's that the others have too.
  std::vector<std::string> InForce(const std::vector<std::string>& token,
                                   const std::vector<std::string>& user) const;

 private:
  std::vector<Role> built_in_;  // in the order of their names
  std::map<std::string, Role, std::less<>> made_;
  // Made once for all callers with the same roles.
  mutable std::map<std::vector<std::string>, std::shared_ptr<const RuleSet>> known_;
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_IDENTITY_ROLE_BOOK_H_
